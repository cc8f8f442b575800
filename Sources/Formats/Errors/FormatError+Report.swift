import FixresBase

extension FormatError: ReportedError {
  /// The error's kind, sentence and figures.
  package var report: ErrorReport {
    switch self {
    case .file(let error): return error.report
    case .notCheckpoint(let path, let kind): return FormatError.notCheckpoint(path, kind)
    case .malformed(let fault): return fault.report
    case .unsupported(let path, let reason):
      let (sentence, hint) = FormatError.sentence(reason)
      var report = ErrorReport("checkpoint.unsupported", "\(path): \(sentence)", ["path": .string(path)])
      report.hint = hint
      return report
    case .pickledModule(let path, let className):
      var report = ErrorReport(
        "checkpoint.pickled-module",
        "\(path): expected weights, found a whole pickled object of the class \(className)",
        ["path": .string(path), "class": .string(className)])
      report.hint =
        "To rebuild it, code would have to run. Save its weights instead: torch.save(model.state_dict(), ...)."
      return report
    case .noTensors, .keyNotFound, .severalNetworks: return places
    case .tooManyTensors(let path, let count, let limit):
      return ErrorReport(
        "checkpoint.too-many-tensors", "\(path): expected at most \(limit) tensors, found \(count)",
        ["path": .string(path), "count": JSON(count), "limit": JSON(limit)])
    case .architecture(let path, let error): return error.report.about(path)
    case .malformedJSON(let path, let error): return error.report.about(path)
    case .model(let path, let error): return error.report.about(path)
    case .onnx(let path, let fault): return fault.report.about(path)
    case .unreadableTensor(let name, .outOfMemory(let needed, let available)):
      var report = ErrorReport.memory("tensor \(Text.shortened(name)) takes", needed, available)
      report.data["tensor"] = .string(name)
      return report
    case .unreadableTensor(let name, let reason):
      return ErrorReport(
        "checkpoint.unreadable-tensor", "tensor \(Text.shortened(name)): \(FormatError.sentence(reason))",
        ["tensor": .string(name)])
    case .unreadableEvidence(let path, let name, let reason):
      var report = ErrorReport(
        "checkpoint.unreadable-tensor",
        "\(path): tensor \(Text.shortened(name)), which nothing in the network uses: \(FormatError.sentence(reason))",
        ["path": .string(path), "tensor": .string(name)])
      report.hint = "If the predictions do not depend on it, leave it out with --ignore '\(name)'."
      return report
    }
  }

  /// The sentence of the error, in one line: what was expected, what was found and where.
  public var description: String { report.sentence }

  /// Errors about where in a file the weights lie.
  private var places: ErrorReport {
    switch self {
    case .noTensors(let path, let entries):
      return ErrorReport(
        "checkpoint.no-tensors",
        "\(path): expected a dictionary of tensors, found \(Text.listed(entries, or: "nothing"))",
        ["path": .string(path), "entries": JSON(entries)])
    case .keyNotFound(let path, let key, let available):
      var report = ErrorReport(
        "checkpoint.key",
        "\(path): expected the key `\(key)`, found \(Text.listed(available, or: "no keys"))",
        ["path": .string(path), "key": .string(key), "available": JSON(available)])
      report.hint =
        "--key takes a path of keys and names joined by dots, whole, or its end where only one has it."
      return report
    case .severalNetworks(let path, let count, let places):
      let found = places.map { place in
        (place.key.isEmpty ? "one at the root" : place.key)
          + " (blocks \(place.blocks.map(String.init).joined(separator: "-")))"
      }
      var report = ErrorReport(
        "checkpoint.several-networks",
        "\(path): expected one network, found \(count): \(found.joined(separator: ", "))"
          + (count > places.count ? " and more" : ""),
        ["path": .string(path), "keys": JSON(places.map(\.key)), "count": JSON(count)])
      report.hint = "Choose one: " + places.map { "--key \($0.key)" }.joined(separator: " or ") + "."
      return report
    default: return .reportedElsewhere  // the other cases have their sentences above
    }
  }

  private static func notCheckpoint(_ path: String, _ kind: FileKind) -> ErrorReport {
    let (found, hint): (String, String?) =
      switch kind {
      case .fixresModel: ("a fixresc model file", nil)
      case .zip: ("a zip archive", nil)
      case .pickle: ("a pickle", nil)
      case .safetensors: ("a safetensors file", nil)
      case .json: ("JSON text", "Of a sharded checkpoint, give the .index.json.")
      case .onnx: ("an ONNX model", "`import` reads it; as the checkpoint laid over a model it has no use.")
      case .tar: ("a tar archive", nil)
      case .compressed(let name): ("a \(name) archive", "Unpack it first.")
      case .hdf5: ("an HDF5 file", "Keras weights are not read.")
      case .html: ("an HTML page", "The download has probably returned an error page instead of the file.")
      case .gitLFSPointer: ("a git-lfs pointer", "Fetch the file itself with `git lfs pull`.")
      case .other(let name): ("a \(name)", nil)
      case .empty: ("an empty file", nil)
      case .unknown(let bytes):
        (
          "the bytes " + bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " "),
          nil
        )
      }
    var report = ErrorReport(
      "checkpoint.not-a-model", "\(path): expected a checkpoint or a model, found \(found)",
      ["path": .string(path), "found": .string(found)])
    report.hint = hint
    return report
  }

  private static func sentence(_ reason: Unsupported) -> (String, hint: String?) {
    let again = "Load it with PyTorch and save its state_dict with torch.save."
    return switch reason {
    case .tarCheckpoint: ("the tar form of PyTorch before 0.1.12 is not read", again)
    case .torchScript: ("expected weights, found a TorchScript program", again)
    case .exportedProgram: ("expected weights, found a program of torch.export", again)
    case .bigEndian: ("expected little-endian data, found big-endian", again)
    case .otherZip(let member):
      ("expected an archive of torch.save, found a zip whose first member is \(Text.shortened(member))", nil)
    case .compressedMember(let name, let method):
      ("expected stored members, found \(Text.shortened(name)) compressed with method \(method)", nil)
    case .encryptedMember(let name): ("expected plain members, found \(Text.shortened(name)) encrypted", nil)
    case .otherPickle:
      (
        "expected what torch.save writes, found another pickle (NumPy arrays are not read)",
        "Of arrays make tensors first: torch.save({name: torch.from_numpy(a) for name, a in ...}, FILE)."
      )
    }
  }

  private static func sentence(_ reason: UnreadableReason) -> String {
    switch reason {
    case .elementType(let type): "expected float32, float16, bfloat16 or float64, found \(type.rawValue)"
    case .opaque(let constructor): "expected plain strided data, found what \(constructor) builds"
    case .expanded(elementCount: let count, storedCount: let stored):
      "expected as many elements as are stored, found a view of \(count) over \(stored)"
    case .outOfMemory(let needed, let available):
      "it takes \(Text.bytes(needed)), and the limits of the process leave \(Text.bytes(available))"
    }
  }
}
