import FixresBase
import FixresFormats

/// Refuses a command line one of whose outputs is a file that the command reads, or another output.
///
/// Options and arguments declare their role (`FileRole`), so that no command has to ask for the check. It looks at
/// the files and not at how they are spelt (`FileIdentity`).
struct OutputCheck {
  /// A path that the command line names, directly or by a file's companions.
  private struct Named {
    /// What help calls it: `MODEL`, `--save-logits`.
    let name: String
    let path: String
    let identity: FileIdentity
  }

  private let command: Command
  private var outputs: [Named] = []
  private var prefixes: [(name: String, path: String)] = []

  /// Suffixes of pictures of every kind that folders are searched for, now or by another version.
  private static let pictureSuffixes = [
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".ppm", ".pgm", ".pnm", ".bmp", ".tif", ".tiff", ".webp",
    ".gif",
    ".heic", ".avif",
  ]

  /// Checks the paths that `parsed` gives to the arguments and options of `command`.
  ///
  /// - Throws: `UsageError` of kind `overwrite` for the first output that is an input or another output, or what the
  ///   system says of one that can't be written.
  static func check(_ command: Command, _ parsed: ParsedArguments) throws {
    let words = words(command, parsed)
    try compare(words, command)
    // Refused now, and not after the work.
    for (_, kind, path) in words {
      guard case .file(.output) = kind else { continue }
      try naming(path) { _ = try AtomicFileWriter(path: path) }
    }
  }

  private static func compare(
    _ words: [(name: String, kind: ValueKind, path: String)], _ command: Command
  ) throws(UsageError) {
    var check = OutputCheck(command: command)
    for (name, kind, path) in words { try check.addOutput(name, kind, path) }
    try check.checkPrefixes()
    // Only a file that exists can be read, and so be lost.
    guard check.outputs.contains(where: \.identity.exists) else { return }
    for (index, (name, kind, path)) in words.enumerated() {
      try check.checkInput(name, kind, path, mayBeReplaced: index == 0 && command.worksInPlace)
    }
  }

  private init(command: Command) { self.command = command }

  /// All paths with the names and kinds of what takes them; arguments come first.
  private static func words(
    _ command: Command, _ parsed: ParsedArguments
  ) -> [(name: String, kind: ValueKind, path: String)] {
    var words: [(name: String, kind: ValueKind, path: String)] = []
    for (index, word) in parsed.arguments.enumerated() {
      guard let argument = command.arguments[min(index, command.arguments.count - 1)...].first else { break }
      words.append((argument.name, argument.kind, word))
    }
    for option in command.options {
      for value in parsed.repeated[option.name] ?? parsed.values[option.name].map({ [$0] }) ?? [] {
        words.append((option.name, option.kind, value))
      }
    }
    return words
  }

  private func refusal(_ output: Named, is name: String, _ path: String) -> UsageError {
    UsageError(
      kind: .overwrite(output: output.name, path: output.path, input: name, inputPath: path), suggestion: nil,
      command: command.name)
  }

  // MARK: - Outputs

  private mutating func addOutput(_ name: String, _ kind: ValueKind, _ path: String) throws(UsageError) {
    switch kind {
    case .file(.output(let suffixes)), .folder(.output(let suffixes)):
      for suffix in [""] + suffixes { try addOutput(name, path + suffix) }
    case .file(.outputPrefix), .folder(.outputPrefix): prefixes.append((name, path))
    case .folder(.cache), .file(.cache):
      if let identity = FileIdentity(path: path), !identity.exists { try addOutput(name, path) }
    case .file(.input), .file(.model), .folder(.input), .folder(.model), .pair, .flag, .text, .integer,
      .number,
      .size, .channels, .choice:
      break
    }
  }

  private mutating func addOutput(_ name: String, _ path: String) throws(UsageError) {
    guard let identity = FileIdentity(path: path) else { return }
    let output = Named(name: name, path: path, identity: identity)
    if let other = outputs.first(where: { $0.identity == identity }) {
      throw refusal(output, is: other.name, other.path)
    }
    outputs.append(output)
  }

  /// Adds the files that exist of those that prefixes stand for, and compares the pattern with the other outputs.
  private mutating func checkPrefixes() throws(UsageError) {
    for (name, path) in prefixes {
      let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
      let folder = slash.map { String(path[...$0]) } ?? "./"
      let stem = String(path[(slash.map(path.index(after:)) ?? path.startIndex)...])
      for output in outputs {
        guard case .missing(let device, let inode, let other) = output.identity,
          FileIdentity(path: folder) == .existing(device: device, inode: inode), Self.matches(other, stem)
        else { continue }
        throw refusal(output, is: name, path + "-K.npy")
      }
      for other in (try? DirectoryListing.names(in: folder)) ?? [] where Self.matches(other, stem) {
        try addOutput(name, folder + other)
      }
    }
  }

  /// Whether `name` is `STEM-K.npy` for a number K.
  private static func matches(_ name: String, _ stem: String) -> Bool {
    guard name.hasPrefix(stem + "-"), name.hasSuffix(".npy") else { return false }
    let digits = name.utf8.dropFirst(stem.utf8.count + 1).dropLast(4)
    return !digits.isEmpty && digits.allSatisfy { (0x30...0x39).contains($0) }
  }

  // MARK: - Inputs

  private func checkInput(
    _ name: String, _ kind: ValueKind, _ path: String, mayBeReplaced: Bool
  ) throws(UsageError) {
    switch kind {
    case .file(.model), .folder(.model):
      if let output = output(at: path), !(mayBeReplaced && isModelFile(path)) {
        throw refusal(output, is: name, path)
      }
      let isFolder = DirectoryListing.kind(of: path) == .directory
      let companions =
        isFolder ? Self.files(in: path, deep: false) { _ in true } : CompanionFiles.paths(of: path)
      for companion in companions {
        if let output = output(at: companion) { throw refusal(output, is: "read with \(name)", companion) }
      }
    case .file(.input), .folder(.input), .folder(.cache), .file(.cache): try checkFile(name, path)
    case .pair:
      for (input, output) in ValueKind.pairs(path) {
        try checkFile(name, input)
        try checkFile(name, output)
      }
    case .file(.output), .file(.outputPrefix), .folder(.output), .folder(.outputPrefix), .flag, .text,
      .integer,
      .number, .size, .channels, .choice:
      break
    }
  }

  private func checkFile(_ name: String, _ path: String) throws(UsageError) {
    if let output = output(at: path) { throw refusal(output, is: name, path) }
    guard DirectoryListing.kind(of: path) == .directory else { return }
    for picture in Self.files(in: path, deep: true, Self.isPicture) {
      if let output = output(at: picture) { throw refusal(output, is: "of \(name)", picture) }
    }
  }

  private func output(at path: String) -> Named? {
    guard let identity = FileIdentity(path: path), identity.exists else { return nil }
    return outputs.first { $0.identity == identity }
  }

  private func isModelFile(_ path: String) -> Bool {
    (try? SourceFile.open(path))?.kind == .fixresModel
  }

  /// Names without a suffix count, as their kind may be read from the file.
  private static func isPicture(_ name: String) -> Bool {
    let lowered = name.lowercased()
    return !lowered.contains(".") || pictureSuffixes.contains { lowered.hasSuffix($0) }
  }

  /// Paths of the files in `folder` whose names `isWanted`, and with `deep` of those in its folders; each folder is
  /// visited once, however many links lead to it.
  private static func files(in folder: String, deep: Bool, _ isWanted: (String) -> Bool) -> [String] {
    var found: [String] = []
    var visited: Set<FileIdentity> = []
    var waiting = [folder]
    while let folder = waiting.popLast() {
      guard let identity = FileIdentity(path: folder), visited.insert(identity).inserted else { continue }
      for name in (try? DirectoryListing.names(in: folder)) ?? [] {
        let path = DirectoryListing.join(folder, name)
        switch DirectoryListing.kind(of: path) {
        case .directory where deep: waiting.append(path)
        case .regular where isWanted(name): found.append(path)
        default: break
        }
      }
    }
    return found
  }
}
