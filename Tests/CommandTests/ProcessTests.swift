import FixresBase
import FixresIR
import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Starts `binary` with stdout and stderr in files; its process id.
private func start(_ binary: String, _ words: [String], output: String, error: String) -> pid_t {
  #if canImport(Darwin)
    var actions: posix_spawn_file_actions_t?
    var attributes: posix_spawnattr_t?
  #else
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
  #endif
  posix_spawn_file_actions_init(&actions)
  posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
  posix_spawn_file_actions_addopen(&actions, 2, error, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
  posix_spawnattr_init(&attributes)
  // Whoever runs the tests may ignore SIGINT, and the tool would respect that.
  var signals = sigset_t()
  sigemptyset(&signals)
  sigaddset(&signals, SIGINT)
  posix_spawnattr_setsigdefault(&attributes, &signals)
  // The threads that run tests block signals, and the tool would inherit that.
  sigemptyset(&signals)
  posix_spawnattr_setsigmask(&attributes, &signals)
  posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
  var arguments = ([binary] + words).map { strdup($0) } + [nil]
  var process = pid_t()
  let status = posix_spawn(&process, binary, &actions, &attributes, &arguments, environ)
  for argument in arguments { free(argument) }
  posix_spawn_file_actions_destroy(&actions)
  posix_spawnattr_destroy(&attributes)
  return status == 0 ? process : -1
}

/// The exit status, or minus the signal that ended the process.
private func wait(for process: pid_t) -> Int32 {
  var status: Int32 = 0
  while waitpid(process, &status, 0) < 0, errno == EINTR {}
  return status & 0x7F == 0 ? status >> 8 & 0xFF : -(status & 0x7F)
}

@Suite(.serialized) struct ProcessTests {
  private let binary: String
  private let folder: TemporaryFolder
  private let scratch: TemporaryFolder

  init() throws {
    binary = try BuiltProduct.path(of: "fixresc")
    folder = try TemporaryFolder()
    scratch = try TemporaryFolder()
  }

  private func call(_ words: [String], output: String? = nil) -> (status: Int32, error: String) {
    let error = scratch.path + "/err"
    let status = wait(for: start(binary, words, output: output ?? scratch.path + "/out", error: error))
    let text = (try? MappedFile.open(error).array).map { String(decoding: $0, as: UTF8.self) } ?? ""
    return (status, text)
  }

  @Test func exitStatusIsTheTools() {
    #expect(call(["--version"]).status == 0)
    #expect(call(["--help"]).error == "")
    #expect(call(["inspect", "/none"]).status == 1)
    #expect(call(["frobnicate"]).status == 2)
  }

  /// A run of several packs the weights and lets go of the mapped model, which nobody changed.
  @Test func severalPicturesAreNoChangeOfTheModel() throws {
    let pictures = try PictureFolder(classes: 1, perClass: 2)
    let model = TestData.root + "/Models/resnet18w32-imagenette-r112.bin"
    let found = call(["run", model, pictures.folder.path])
    #expect(found.status == 0, "\(found.error)")
  }

  @Test(.enabled(if: access("/dev/full", W_OK) == 0, "needs /dev/full"))
  func aFullDeviceIsAnError() {
    let full = call(["--help"], output: "/dev/full")
    #expect(full.status == 1 && full.error.contains("standard output"))
  }

  @Test("row 19: a signal leaves the old file or the new one and nothing else")
  func aSignalLeavesTheOldFileOrTheNewOneAndNothingElse() throws {
    let (input, output) = (folder.path + "/in.bin", folder.path + "/out.bin")
    try ModelFile.write(try SmallModel.residual(channels: 320), to: input)
    let old = try SmallModel.residual()
    for number in [SIGINT, SIGTERM, SIGINT, SIGTERM] {
      try ModelFile.write(old, to: output)
      let process = start(
        binary, ["adapt", input, "-o", output, "--no-proof"], output: "/dev/null",
        error: scratch.path + "/err")
      while folder.names.count == 2, kill(process, 0) == 0, !hasEnded(process) { usleep(200) }
      kill(process, number)
      let status = wait(for: process)
      #expect(status == 0 || status == -number)
      #expect(folder.names == ["in.bin", "out.bin"])
      let found = try ModelFile.open(output)
      #expect(status == 0 || found == old || found.graph.nodes.count == 6)
    }
  }

  /// A fine-tuning that is ended in its pass over the pictures takes up there, to the same bits, with and without a
  /// cache of its own choice.
  @Test(arguments: [SIGINT, SIGKILL, SIGTERM]) func aFineTuningTakesUpItsPass(_ number: Int32) throws {
    let pictures = try PictureFolder(classes: 2, perClass: 40)
    let model = folder.path + "/model.bin"
    try ModelFile.write(try SmallModel.residual(side: 48, classes: 2), to: model)
    let words = [
      "finetune", model, pictures.folder.path, "--to", "64", "--epochs", "2", "--threads", "1", "-o",
    ]
    let whole = folder.path + "/whole.bin"
    #expect(call(words + [whole]).status == 0)
    for extra in [[], ["--cache", folder.path + "/kept"]] {
      let output = folder.path + "/out.bin"
      let place = extra.last ?? output + ".partial.features"
      let process = start(
        binary, words + [output] + extra, output: "/dev/null", error: scratch.path + "/err")
      while kept(place) < 300_000, !hasEnded(process) { usleep(1000) }
      kill(process, number)
      #expect(wait(for: process) == -number, "it was ended in its pass")
      #expect(!folder.names.contains("out.bin") && kept(place) > 0)
      let again = call(words + [output] + extra)
      #expect(again.status == 0 && again.error.contains("kept by an earlier run"), "\(again.error)")
      let (found, expected) = (try ModelFile.open(output), try ModelFile.open(whole))
      #expect(found.constants == expected.constants)
      #expect(!folder.names.contains { $0.hasPrefix("out.bin.partial") }, "\(folder.names)")
      unlink(output)
    }
  }

  /// Bytes in the files of `folder`.
  private func kept(_ folder: String) -> Int {
    // Not by opening them: a file that is being written to is waited for.
    TestData.names(in: folder).reduce(0) { count, name in
      var status = stat()
      return count + (stat(folder + "/" + name, &status) == 0 ? Int(status.st_size) : 0)
    }
  }

  /// True once the process is a zombie that waits to be collected.
  private func hasEnded(_ process: pid_t) -> Bool {
    #if canImport(Darwin)
      var info = siginfo_t()
      return waitid(P_PID, id_t(process), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == process
    #else
      var info = siginfo_t()
      waitid(P_PID, id_t(process), &info, WEXITED | WNOHANG | WNOWAIT)
      return info.si_signo == SIGCHLD
    #endif
  }
}
