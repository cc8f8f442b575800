import FixresAssembler
import FixresRuntime

/// A kernel assembler that encodes nothing and follows the pointers: what it has traced is every byte that the emitted
/// function would touch, from the emitter itself and not from any formula.
///
/// Addresses are affine in the index of every loop, so that a loop's first and last pass give the hull of all.
struct AddressTracer: KernelAssembler {
  let isa: VectorISA
  var code: AssembledCode { X86Assembler().code }
  /// Touched bytes by the pointer of the argument that they were reached from.
  private(set) var spans: [PointerRole: ByteSpan] = [:]
  private(set) var frameByteCount = 0
  /// What the run-time counters of the function hold.
  var rowCount = 1

  private struct Position: Equatable {
    var root: PointerRole
    var offset: Int
  }
  private var positions: [PointerRole: Position] = [:]

  init(_ isa: VectorISA, recordsListing: Bool = false) { self.isa = isa }

  private mutating func touch(_ operand: MemoryOperand, _ byteCount: Int) {
    guard let position = positions[operand.base] else {
      preconditionFailure("\(operand.base) points nowhere")
    }
    let span = ByteSpan(position.offset + operand.displacement, byteCount)
    spans[position.root] = (spans[position.root] ?? .none).union(span)
  }

  mutating func function(_ frame: FunctionFrame, _ body: (inout Self) -> Void) {
    frameByteCount = frame.stackByteCount
    positions[.frame] = Position(root: .frame, offset: 0)
    positions[.arguments] = Position(root: .arguments, offset: 0)
    body(&self)
  }
  mutating func loadArgument(_ to: PointerRole, field: Int) { positions[to] = Position(root: to, offset: 0) }
  mutating func loadArgument(_ to: IntegerRole, field: Int) {}
  mutating func copy(_ to: PointerRole, _ from: PointerRole) { positions[to] = positions[from] }
  mutating func point(_ to: PointerRole, at location: MemoryOperand) {
    positions[to] = positions[location.base]
    positions[to]?.offset += location.displacement
  }
  mutating func advance(_ pointer: PointerRole, by byteCount: Int) { positions[pointer]?.offset += byteCount }
  mutating func prefetch(_ location: MemoryOperand, for purpose: PrefetchPurpose) {}
  func displacementBias(farthest: Int) -> Int { farthest > 512 ? 512 : 0 }

  mutating func loop(_ counter: IntegerRole, _ count: Int, _ body: (inout Self) -> Void) {
    guard count > 0 else { return }
    let start = positions
    body(&self)
    guard count > 1 else { return }
    let first = positions
    func position(after passes: Int) -> [PointerRole: Position] {
      first.reduce(into: [:]) { result, entry in
        guard let before = start[entry.key], before.root == entry.value.root else {
          result[entry.key] = entry.value
          return
        }
        let step = entry.value.offset - before.offset
        result[entry.key] = Position(root: before.root, offset: before.offset + passes * step)
      }
    }
    positions = position(after: count - 1)
    body(&self)
  }
  mutating func copy(_ to: IntegerRole, _ from: IntegerRole) {}
  mutating func countDown(_ counter: IntegerRole, _ body: (inout Self) -> Void) {
    loop(counter, rowCount, body)
  }
  mutating func align(to byteCount: Int) {}

  mutating func load(_ to: Vector, _ from: MemoryOperand) { touch(from, isa.byteCount) }
  mutating func store(_ to: MemoryOperand, _ from: Vector) { touch(to, isa.byteCount) }
  mutating func copy(_ to: Vector, _ from: Vector) {}
  mutating func zero(_ register: Vector) {}
  mutating func broadcast(_ to: Vector, _ from: MemoryOperand) { touch(from, 4) }
  mutating func broadcast(_ to: Vector, constant value: Float, slot: MemoryOperand) { touch(slot, 8) }
  mutating func add(_ to: Vector, _ a: Vector, _ b: Vector) {}
  mutating func add(_ to: Vector, _ a: Vector, _ b: MemoryOperand) { touch(b, isa.byteCount) }
  mutating func subtract(_ to: Vector, _ a: Vector, _ b: Vector) {}
  mutating func multiply(_ to: Vector, _ a: Vector, _ b: Vector) {}
  mutating func divide(_ to: Vector, _ a: Vector, _ b: Vector) {}
  mutating func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: Vector) {}
  mutating func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: MemoryOperand) { touch(b, isa.byteCount) }
  mutating func subtractProduct(_ sum: Vector, _ a: Vector, _ b: Vector) {}
  mutating func rectify(_ register: Vector, zero: Vector) {}
  mutating func maximumKeepingNaN(
    _ best: Vector, _ value: MemoryOperand, scratch: (Vector, Vector)
  ) { touch(value, isa.byteCount) }
  mutating func loadRepeated(
    _ to: Vector, _ from: MemoryOperand, lane: Int, groupLanes: Int, indices: Vector?
  ) { touch(from, isa.byteCount) }
  mutating func interleaveLow(_ to: Vector, _ a: Vector, _ b: Vector) {}
  mutating func interleaveHigh(_ to: Vector, _ a: Vector, _ b: Vector) {}
  mutating func joinLow(_ to: Vector, _ a: Vector, _ b: Vector) {}
  mutating func joinHigh(_ to: Vector, _ a: Vector, _ b: Vector) {}
  mutating func evenQuarters(_ to: Vector, _ a: Vector, _ b: Vector) {}
  mutating func oddQuarters(_ to: Vector, _ a: Vector, _ b: Vector) {}
  mutating func formRows() {}
  mutating func loadRow(_ to: Vector, row: Int) {}
  mutating func prefetchRow(_ row: Int, displacement: Int) {}
  mutating func advanceRows(by byteCount: Int) {}
  mutating func store(atOffset offset: MemoryOperand, _ from: Vector) {}
}
