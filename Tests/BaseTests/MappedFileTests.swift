import FixresBase
import TestSupport
import Testing

@Suite struct MappedFileTests {
  @Test func releasedPagesComeBackUnchanged() throws {
    let path = TestData.root + "/Package.swift"
    let bytes = try MappedFile.open(path)
    let before = bytes.array
    bytes.releasePages()
    #expect(bytes.array == before)
    // Only a file can give its bytes again; a heap block keeps them.
    let block = Bytes([UInt8](repeating: 7, count: 1 << 16))
    block.releasePages()
    #expect(block.array == [UInt8](repeating: 7, count: 1 << 16))
  }
}
