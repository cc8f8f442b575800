/// Writes a `.npy` file row by row, atomically: memory does not grow with the rows, whose number is known at the end.
package struct NpyRowWriter: ~Copyable {
  private var writer: AtomicFileWriter
  private let rowShape: [Int]
  private let element: NpyArray.Element
  private let headerByteCount: Int
  private var byteCount = 0

  /// Begins the file at `path` with rows of `rowShape`.
  package init(path: String, rowShape: [Int], element: NpyArray.Element) throws(FileError) {
    // As long as the header of the greatest number of rows.
    let header = Npy.header(shape: [.max] + rowShape, element: element)
    var writer = try AtomicFileWriter(path: path)
    try writer.write(header)
    (self.rowShape, self.element, headerByteCount) = (rowShape, element, header.count)
    self.writer = writer
  }

  /// Appends whole rows, elements in C order.
  package mutating func append(_ rows: UnsafeRawBufferPointer) throws(FileError) {
    try writer.write(rows)
    byteCount += rows.count
  }

  /// Appends whole rows of float32.
  package mutating func append(_ rows: UnsafeBufferPointer<Float>) throws(FileError) {
    try append(UnsafeRawBufferPointer(rows))
  }

  /// Completes the header and puts the file in its place.
  package consuming func commit() throws(FileError) {
    let rowByteCount = rowShape.reduce(element.byteCount, *)
    precondition(
      rowByteCount == 0 ? byteCount == 0 : byteCount % rowByteCount == 0, "rows are appended whole")
    let shape = [rowByteCount == 0 ? 0 : byteCount / rowByteCount] + rowShape
    try writer.overwrite(Npy.header(shape: shape, element: element, byteCount: headerByteCount), at: 0)
    try writer.commit()
  }
}
