import FixresBase
import FixresFormats
import TestSupport
import Testing

@Suite struct SourceFileTests {
  private static let openings: [(bytes: [UInt8], kind: FileKind)] = [
    (Array("FIXRESC\0".utf8), .fixresModel),
    ([0x50, 0x4B, 0x03, 0x04], .zip),
    ([0x80, 0x02, 0x8A], .pickle),
    ([0x02, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D], .safetensors),
    ([0x00, 0xE1, 0xF5, 0x05, 0, 0, 0, 0, 0x7B], .safetensors),
    (
      [0x01, 0xE1, 0xF5, 0x05, 0, 0, 0, 0, 0x7B], .unknown(firstBytes: [0x01, 0xE1, 0xF5, 0x05, 0, 0, 0, 0])
    ),
    (Array(" \n{\"weight_map\": {}}".utf8), .json),
    ([0x08, 0x08, 0x12, 0x00], .onnx),
    ([0x3A, 0x00], .unknown(firstBytes: [0x3A, 0x00])),
    ([0x3A, 0x05, 0x12], .unknown(firstBytes: [0x3A, 0x05, 0x12])),
    ([0x3A, 0x00, 0x08, 0x08], .onnx),
    ([UInt8](repeating: 0x61, count: 257) + Array("ustar".utf8), .tar),
    ([0x1F, 0x8B], .compressed("gzip")),
    (Array("<!DOCTYPE html>".utf8), .html),
    (Array("version https://git-lfs.github.com/spec/v1".utf8), .gitLFSPointer),
    ([0xFF, 0xD8, 0xFF, 0xE0], .other("JPEG picture")),
    ([], .empty),
    ([0x00, 0x01], .unknown(firstBytes: [0x00, 0x01])),
  ]

  @Test("row 2: first bytes decide the kind") func firstBytesDecideTheKind() {
    for opening in Self.openings {
      let file = SourceFile(Bytes(opening.bytes), path: "model.onnx")
      #expect(file.kind == opening.kind, "\(opening.bytes.prefix(16))")
    }
  }

  @Test func importsAnOpenFileLikeItsPath() throws {
    let path = TestData.fixture("architectures/torchvision-basic/model.pth")
    let file = try SourceFile.open(path)
    let opened = try Importer.load(file)
    let loaded = try Importer.load(path: path)
    #expect(opened.model.graph == loaded.model.graph)
    #expect(opened.assumed == loaded.assumed)
    let detections = try WorkTally.counting { () throws(FormatError) in
      _ = try Importer.load(file)
    }
    #expect(detections[.kindDetection] == nil)
  }

}
