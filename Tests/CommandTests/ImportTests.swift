import FixresBase
import FixresIR
import TestSupport
import Testing
import fixresc

@Suite struct ImportTests {
  private let folder: TemporaryFolder
  private let output: String
  private let checkpoint = TestData.fixture("architectures/torchvision-basic/model.pth")

  init() throws {
    folder = try TemporaryFolder()
    output = folder.path + "/model.bin"
  }

  @Test func keepsItsKeys() throws {
    let call = Call("import", checkpoint, "-o", output, "--json", "--train-resolution", "64")
    #expect(call.status == 0, "\(call.error)")
    #expect(call.json["architecture"] == "resnet10w6" && call.json["wrapper"] != nil)
    #expect(call.json["assumed"]?.arrayValue?.isEmpty == false && call.json["ignored"]?.arrayValue != nil)
    #expect(
      call.json["facts"]?.arrayValue?.contains { $0["name"] == "activation" && $0["source"] == "default" }
        == true)
    let model = try ModelFile.open(output)
    #expect(model.graph.resolution == Extent(64, 64) && model.metadata.trainResolution == Extent(64, 64))
    #expect(call.json["parameters"] == Call("inspect", output, "--json").json["parameters"])
    let text = Call("import", checkpoint, "-o", output).output
    #expect(text.hasPrefix("architecture  resnet10w6\n") && text.contains("assumed "))
  }

  @Test func optionsAreLaidOverCheckpointsAndModelFiles() throws {
    let labels = folder.path + "/labels.txt"
    #expect(Call("import", checkpoint, "-o", output).status == 0)
    let classes = try ModelFile.open(output).classCount
    try AtomicFileWriter.write(Array((0..<classes).map { "label \($0)\n" }.joined().utf8), to: labels)
    for source in [checkpoint, output] {
      let call = Call(
        "adapt", source, "-o", folder.path + "/other.bin", "--labels", labels, "--mean", "0.5,0.25,0.125",
        "--std", "1,2,4", "--train-resolution", "48x56", "--to", "72")
      #expect(call.status == 0, "\(call.error)")
      let metadata = try ModelFile.open(folder.path + "/other.bin").metadata
      #expect(metadata.labels.first == "label 0" && metadata.labels.count == classes)
      #expect(metadata.preprocessing.mean == [0.5, 0.25, 0.125])
      #expect(metadata.preprocessing.standardDeviation == [1, 2, 4])
      #expect(metadata.trainResolution == Extent(48, 56))
    }
    try AtomicFileWriter.write(Array("one\n".utf8), to: labels)
    let wrong = Call("import", checkpoint, "-o", output, "--labels", labels)
    #expect(wrong.status == 1 && wrong.error.contains("expected \(classes) labels"))
    #expect(Call("run", output, checkpoint, "--arch", "resnet18").error.contains("--arch"))
  }

  @Test("row 19: refusals touch no output") func refusalsTouchNoOutput() throws {
    try AtomicFileWriter.write([1], to: output)
    for words in [
      ["--arch", "resnet50"], ["--arch", "vgg16"], ["--key", "nothing"], ["--train-resolution", "0"],
      ["--finetuned", TestData.fixture("formats")], ["--labels", "/none"], ["--std", "0,1,1"],
      ["--bn-eps", "0"],
    ] {
      let call = Call(["import", checkpoint, "-o", output] + words)
      #expect(call.status == 1 && call.error.split(separator: "\n").count == 1, "\(words): \(call.error)")
    }
    #expect(try MappedFile.open(output).array == [1])
    #expect(Call("import", checkpoint, "-o", folder.path).error.contains("found a folder"))
    #expect(Call("import", checkpoint, "-o", folder.path + "/none/x.bin").status == 1)
  }

  @Test(arguments: [
    "error.pth", "pointer.pth", "model.onnx", "picture.pth", "empty.pth", "st_deep.safetensors",
  ])
  func eachForeignFileGetsItsSentence(_ name: String) {
    let call = Call("import", TestData.fixture("formats/\(name)"), "-o", output, "--json")
    #expect(call.status == 1 && call.json["error"]?["kind"]?.stringValue?.hasPrefix("checkpoint.") == true)
    #expect(
      call.error.hasPrefix("fixresc: error: ") && call.error.contains(name) && call.error.contains("found"))
    #expect(folder.names == [])
  }
}
