#if STATIC_EXECUTABLE
  /// Where the Swift runtime's crash reporter is: nowhere.
  ///
  /// The runtime asks for it before `main`, and its own answer ends the process where there is no `/proc/self/exe`. A
  /// static executable (`Packaging/executable.sh`) has this one linked in its place, so that it runs in an empty folder.
  @c(swift_copyAuxiliaryExecutablePath)
  func pathOfAuxiliaryExecutable(_ folder: UnsafePointer<CChar>?, _ name: UnsafePointer<CChar>?)
    -> UnsafeMutablePointer<CChar>?
  {
    nil
  }
#endif
