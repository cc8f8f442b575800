import FixresBase
import FixresIR
import TestSupport
import Testing

/// What the pages under Documentation show of the tool is what it prints.
@Suite struct DocumentationTests {
  private static let path = TestData.fixture("documentation/residual.bin")

  @Test func theGraphOfIRIsTheToolsOutput() throws {
    if Golden.isBlessing {
      try ModelFile.write(try SmallModel.residual(channels: 4, classes: 3), to: Self.path)
    }
    let imported = Call("inspect", Self.path, "--ir")
    #expect(imported.status == 0, "\(imported.error)")
    #expect(DocumentedBlock.difference(imported.output, from: "imported-graph", in: "IR.md") == nil)
    let folder = try TemporaryFolder()
    let adapted = folder.path + "/adapted.bin"
    #expect(Call("adapt", Self.path, "--to", "48", "-o", adapted).status == 0)
    let printed = Call("inspect", adapted, "--ir").output
    #expect(DocumentedBlock.difference(printed, from: "adapted-graph", in: "IR.md") == nil)
  }
}
