import FixresAssembler
import FixresBase
import FixresIR
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Compares the packed weights that a model's file holds with what its constants give.
///
/// Weights are arranged anew by the definition of each layout (`Documentation/ModelFile.md`) and by no emitted code, so
/// that those for another processor are checked too.
package enum PackedWeightCheck {
  /// Checks the packed constants of `model`.
  ///
  /// - Throws: `packedWeights` for the first whose elements differ or whose layout is unknown, `planTooLarge` where
  ///   there is no memory to arrange them in.
  package static func verify(_ model: Model) throws(RuntimeError) {
    let stored = model.validPackedConstants
    let faults = Mutex<[Int: RuntimeError]>([:])
    Concurrently.perform(stored.count) { index in
      do throws(RuntimeError) {
        try verify(stored[index], model)
      } catch {
        faults.withLock { $0[index] = error }
      }
    }
    if let first = faults.withLock({ $0.min { $0.key < $1.key }?.value }) { throw first }
  }

  private static func verify(_ stored: PackedConstant, _ model: Model) throws(RuntimeError) {
    let fault = RuntimeError.packedWeights(name: stored.constant, layout: stored.layout)
    guard let source = model.constants[stored.constant],
      let arrangement = Arrangement(stored.layout, of: source.shape),
      arrangement.elementCount == stored.elements.elementCount
    else { throw fault }
    let byteCount = ElementFormat.f32.byteCount(of: arrangement.elementCount)
    guard AlignedBlock.isGranted(byteCount: byteCount) else {
      throw .planTooLarge(needed: byteCount, available: MachineMemory.availableByteCount())
    }
    let expected = AlignedBlock(byteCount: byteCount)
    source.withFloats { weights in
      if let base = weights.baseAddress { arrangement.pack(base, into: expected.floats) }
    }
    let isEqual = stored.elements.bytes.withUnsafeBytes { found in
      found.baseAddress.map { memcmp($0, expected.base, byteCount) == 0 } ?? false
    }
    stored.elements.bytes.releasePages()
    guard isEqual else { throw fault }
  }
}

/// One layout of one constant's weights `[O, I/groups, kh, kw]` or `[O, F]`.
private struct Arrangement {
  private enum Kind {
    case direct(ConvolutionDescriptor, ConvolutionWindow, blocks: Int)
    case winograd(WinogradScheme, rows: Int, width: Int)
    case narrowGroups(lanes: Int)
  }

  /// Channel blocks of a kernel's tile at most.
  private static let mostBlocks = 4
  /// Input channels side by side at most.
  private static let mostInputs = 64

  private let kind: Kind
  private let outputs, inputsPerGroup, height, width: Int
  let elementCount: Int

  /// Nil where `name` is no layout of such weights.
  init?(_ name: String, of shape: [Int]) {
    guard shape.count == 4 || shape.count == 2, shape.allSatisfy({ $0 > 0 }) else { return nil }
    let sides = shape.count == 4 ? (shape[2], shape[3]) : (1, 1)
    (outputs, inputsPerGroup, height, width) = (shape[0], shape[1], sides.0, sides.1)
    // The products below are at most this.
    let most = Int.checkedProduct([outputs + 1024, outputs, inputsPerGroup + 1024, height, width, 64])
    guard most != nil else { return nil }
    let words = name.split(separator: " ", omittingEmptySubsequences: false)
    switch words.first {
    case "direct":
      guard words.count == 7, let (lanes, blocks) = Self.tile(words[1], followedBy: ","),
        let inputs = Self.number(words[4], followedBy: ","), (1...Self.mostInputs).contains(inputs),
        let groups = Self.number(words[6]), groups >= 1, outputs % groups == 0,
        name == "direct \(lanes)x\(blocks), inputs by \(inputs), groups \(groups)"
      else { return nil }
      let isa = lanes == VectorISA.avx2.lanes ? VectorISA.avx2 : .avx512
      let descriptor = ConvolutionDescriptor(
        input: TensorLayout(
          channels: inputsPerGroup * groups, height: 1, width: 1, block: inputs, border: .none),
        output: TensorLayout(channels: outputs, height: 1, width: 1, block: lanes, border: .none),
        kernelHeight: height, kernelWidth: width, groups: groups)
      let window = ConvolutionWindow(descriptor, isa, blocks: blocks)
      kind = .direct(descriptor, window, blocks: blocks)
      elementCount = WeightPacking.directLayout(descriptor, window, blocks: blocks, isa).count
    case "narrow":
      guard words.count == 3, words[1] == "groups", let lanes = Self.number(words[2]),
        [8, 16].contains(lanes)
      else { return nil }
      kind = .narrowGroups(lanes: lanes)
      elementCount = (outputs + lanes - 1) / lanes * lanes * inputsPerGroup * height * width
    default:
      guard words.count == 2, let scheme = WinogradScheme(rawValue: String(words[0])), height == 3,
        width == 3,
        let (lanes, blocks) = Self.tile(words[1], followedBy: "")
      else { return nil }
      let (rows, width) = ((inputsPerGroup + lanes - 1) / lanes * lanes, lanes * blocks)
      kind = .winograd(scheme, rows: rows, width: width)
      elementCount = (outputs + width - 1) / width * scheme.weightComponents * rows * width
    }
  }

  /// Lanes and blocks of `16x4`.
  private static func tile(_ word: Substring, followedBy end: String) -> (lanes: Int, blocks: Int)? {
    guard word.hasSuffix(end) else { return nil }
    let parts = word.dropLast(end.utf8.count).split(separator: "x", omittingEmptySubsequences: false)
    guard parts.count == 2, let lanes = number(parts[0]), [8, 16].contains(lanes),
      let blocks = number(parts[1]), (1...mostBlocks).contains(blocks)
    else { return nil }
    return (lanes, blocks)
  }

  private static func number(_ word: Substring, followedBy end: String = "") -> Int? {
    guard word.hasSuffix(end), let number = Int(word.dropLast(end.utf8.count)),
      String(number) == word.dropLast(end.utf8.count)
    else { return nil }
    return number
  }

  /// Writes the weights to `target`, which is zero.
  func pack(_ weights: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>) {
    switch kind {
    case .direct(let descriptor, let window, let blocks):
      WeightPacking.packGrouped(
        weights, descriptor, window, into: target, width: blocks * descriptor.output.block)
    case .winograd(let scheme, let rows, let width):
      WeightPacking.transform(
        weights, outputs: outputs, inputs: inputsPerGroup, scheme, rows: rows, width: width, into: target)
    case .narrowGroups(let lanes):
      WeightPacking.packNarrow(
        weights, outputs: outputs, inputsPerGroup: inputsPerGroup, kernel: (height, width), lanes: lanes,
        into: target)
    }
  }
}
