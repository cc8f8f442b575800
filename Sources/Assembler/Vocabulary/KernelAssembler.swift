/// The vocabulary of the kernel emitters: vectors of 32-bit floats, pointers and counters by their roles.
///
/// An implementation knows one family of instruction sets. Emitters are generic over it and never name a register of
/// the processor or an instruction, so that one emitter serves every implementation.
package protocol KernelAssembler {
  init(_ isa: VectorISA, recordsListing: Bool)

  var isa: VectorISA { get }
  /// What has been emitted so far.
  var code: AssembledCode { get }

  // MARK: Function

  /// One function with the C calling convention: saves what `frame` lists, makes room on the stack, runs `body`,
  /// restores and returns.
  mutating func function(_ frame: FunctionFrame, _ body: (inout Self) -> Void)
  /// Loads field `field` of the arguments, counted in fields of 8 bytes.
  mutating func loadArgument(_ to: PointerRole, field: Int)
  mutating func loadArgument(_ to: IntegerRole, field: Int)

  // MARK: Pointers

  mutating func copy(_ to: PointerRole, _ from: PointerRole)
  /// `to` points at the memory that `location` names.
  mutating func point(_ to: PointerRole, at location: MemoryOperand)
  /// Moves a pointer by a constant; nothing for 0.
  mutating func advance(_ pointer: PointerRole, by byteCount: Int)
  mutating func prefetch(_ location: MemoryOperand, for purpose: PrefetchPurpose)
  /// What to add to a pointer, and to take from the displacements of the 32-bit elements that are broadcast from it,
  /// so that most have a short encoding; `farthest` is the largest displacement.
  func displacementBias(farthest: Int) -> Int

  // MARK: Loops

  /// Repeats `body` `count` times; a single pass needs no loop.
  mutating func loop(_ counter: IntegerRole, _ count: Int, _ body: (inout Self) -> Void)
  mutating func copy(_ to: IntegerRole, _ from: IntegerRole)
  /// Repeats `body` until `counter`, which is at least 1, has been counted down to 0.
  mutating func countDown(_ counter: IntegerRole, _ body: (inout Self) -> Void)
  /// Pads with instructions without effect, so that what follows starts at a multiple of `byteCount`.
  mutating func align(to byteCount: Int)

  // MARK: Vectors

  mutating func load(_ to: Vector, _ from: MemoryOperand)
  mutating func store(_ to: MemoryOperand, _ from: Vector)
  mutating func copy(_ to: Vector, _ from: Vector)
  mutating func zero(_ register: Vector)
  /// All lanes become the 32-bit element at `from`.
  mutating func broadcast(_ to: Vector, _ from: MemoryOperand)
  /// All lanes become `value`, which is positive; may overwrite the 8 bytes at `slot` on the way.
  mutating func broadcast(_ to: Vector, constant value: Float, slot: MemoryOperand)

  mutating func add(_ to: Vector, _ a: Vector, _ b: Vector)
  mutating func add(_ to: Vector, _ a: Vector, _ b: MemoryOperand)
  mutating func subtract(_ to: Vector, _ a: Vector, _ b: Vector)
  mutating func multiply(_ to: Vector, _ a: Vector, _ b: Vector)
  mutating func divide(_ to: Vector, _ a: Vector, _ b: Vector)
  /// `sum += a * b`, rounded once.
  mutating func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: Vector)
  mutating func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: MemoryOperand)
  /// `sum -= a * b`, rounded once.
  mutating func subtractProduct(_ sum: Vector, _ a: Vector, _ b: Vector)
  /// `max(0, register)`, where NaN stays NaN; `zero` holds zeros.
  mutating func rectify(_ register: Vector, zero: Vector)
  /// `best = max(best, value)`, where a NaN of either stays.
  mutating func maximumKeepingNaN(
    _ best: Vector, _ value: MemoryOperand, scratch: (Vector, Vector))

  // MARK: Permutations

  /// Loads a vector in which each lane of an aligned group of `groupLanes` holds the group's lane `lane`. Groups
  /// wider than `VectorISA.quarterLanes` need `indices`, the index of each lane's source.
  mutating func loadRepeated(
    _ to: Vector, _ from: MemoryOperand, lane: Int, groupLanes: Int, indices: Vector?)
  /// In each quarter of 4 lanes: `a0 b0 a1 b1`.
  mutating func interleaveLow(_ to: Vector, _ a: Vector, _ b: Vector)
  /// In each quarter of 4 lanes: `a2 b2 a3 b3`.
  mutating func interleaveHigh(_ to: Vector, _ a: Vector, _ b: Vector)
  /// In each quarter of 4 lanes: `a0 a1 b0 b1`.
  mutating func joinLow(_ to: Vector, _ a: Vector, _ b: Vector)
  /// In each quarter of 4 lanes: `a2 a3 b2 b3`.
  mutating func joinHigh(_ to: Vector, _ a: Vector, _ b: Vector)
  /// The quarters of `a` and then of `b` that have an even number.
  mutating func evenQuarters(_ to: Vector, _ a: Vector, _ b: Vector)
  /// The quarters of `a` and then of `b` that have an odd number.
  mutating func oddQuarters(_ to: Vector, _ a: Vector, _ b: Vector)

  // MARK: Rows of a matrix, `.rowStride` bytes apart from `.source` on

  /// Makes the rows 0 to `VectorISA.lanes - 1` addressable.
  mutating func formRows()
  mutating func loadRow(_ to: Vector, row: Int)
  mutating func prefetchRow(_ row: Int, displacement: Int)
  /// Moves all rows by a constant.
  mutating func advanceRows(by byteCount: Int)
  /// Stores at `.output` plus as many floats as the 8-byte integer at `offset` says.
  mutating func store(atOffset offset: MemoryOperand, _ from: Vector)
}
