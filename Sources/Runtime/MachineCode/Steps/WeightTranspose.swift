import FixresAssembler

/// Turns rows of weights into the columns that kernels read, by an emitted kernel where whole vectors do.
package struct WeightTranspose: BitwiseCopyable {
  /// Its kernel, which whoever uses it keeps alive.
  private let entry: UnsafeRawPointer
  private let lanesPerVector: Int
  /// Columns of a row before the next rows' turn, so that their targets are written side by side.
  private static let columnsPerPass = TransposeKernel.prefetchDistance / ElementFormat.f32.byteCount

  package init(_ kernel: EmittedKernel, _ isa: VectorISA) {
    entry = kernel.entry
    lanesPerVector = isa.lanes
  }

  static func kernel(_ cache: KernelCache) throws(KernelRefusal) -> EmittedKernel {
    try cache.kernel(.transpose(TransposeKernel(isa: cache.isa)))
  }

  /// Writes column `c` of the `lanes` rows `source + lane * rowLength` to `target + places[c]`.
  package func callAsFunction(
    _ source: UnsafePointer<Float>, rowLength: Int, columns: Int, lanes: Int,
    _ target: UnsafeMutablePointer<Float>, _ places: UnsafePointer<Int>
  ) {
    let function = unsafeBitCast(entry, to: KernelFunction.self)
    let wholeLanes = lanes - lanes % lanesPerVector
    let wholeColumns = columns - columns % lanesPerVector
    for start in stride(from: 0, to: wholeColumns, by: Self.columnsPerPass) {
      let count = min(Self.columnsPerPass, wholeColumns - start)
      for lane in stride(from: 0, to: wholeLanes, by: lanesPerVector) {
        var arguments = TransposeArguments(
          source: source + (lane * rowLength + start), target: target + lane, offsets: places + start,
          rowByteCount: ElementFormat.f32.byteCount(of: rowLength), blocks: count / lanesPerVector)
        function(&arguments)
      }
    }
    func single(_ lanes: Range<Int>, _ columns: Range<Int>) {
      for lane in lanes {
        let row = source + lane * rowLength
        for column in columns { target[places[column] + lane] = row[column] }
      }
    }
    single(0..<wholeLanes, wholeColumns..<columns)
    single(wholeLanes..<lanes, 0..<columns)
  }
}
