#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The descriptors 0, 1 and 2.
package enum StandardDescriptors {
  /// Gives those that the caller had closed something that can be neither read nor written, so that no file that is
  /// opened later gets their numbers, and text meant for people ends in it.
  package static func fill() {
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO]
    where fcntl(descriptor, F_GETFD) < 0 && errno == EBADF {
      // A folder is always there. The lowest free number is the one that is missing.
      let opened = open("/", O_RDONLY)
      if opened >= 0, opened != descriptor {
        dup2(opened, descriptor)
        close(opened)
      }
    }
  }
}
