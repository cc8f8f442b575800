import FixresBase
import FixresFuzz
import Testing

/// Networks of chance on every engine against the reference, few of them; `fixresc-fuzz graphs` runs any number.
@Suite struct NetworkCaseTests {
  @Test(arguments: 0..<6)
  func networksComputeWhatTheReferenceDoes(_ part: Int) throws {
    let source = FuzzSource(try #require(FuzzFormat.named("network")))
    var accepted = 0
    for number in part * 10..<(part + 1) * 10 {
      let verdict = source.format.read(Bytes(source.makeCase(seed: 7, number: number)))
      if case .wrong(let text) = verdict { Issue.record("network 7:\(number): \(text)") }
      if verdict == .accepted { accepted += 1 }
    }
    #expect(accepted > 5)
  }

  /// A bound that anything meets would show nothing.
  @Test func boundsAreTight() {
    let bounds = (0..<60).compactMap { FuzzSource.networkBound(seed: 7, number: $0) }
    #expect(bounds.count > 45)
    #expect(bounds.filter { $0 < 1e-2 }.count * 10 > bounds.count * 9, "\(bounds.sorted())")
  }

  /// What the fuzzer found: a pixel in a buffer with the border that another reader of its operand needs, flattened in
  /// place; a residual of the layer's own input; a value that nobody reads.
  @Test(arguments: [
    """
      %first = relu %input : f32[N,4,1,1]
      %beside = conv2d %first, %weight {strides = [1, 1], padding = [1, 1, 1, 1], groups = 1, activation = none} : f32[N,4,2,2]
      %gelu = gelu %first {form = erf} : f32[N,4,1,1]
      %features = flatten %gelu : f32[N,4]
    """,
    """
      %own = conv2d %input, %square, residual %input {strides = [1, 1], padding = [1, 1, 1, 1], groups = 1, activation = none} : f32[N,4,1,1]
      %again = conv2d %own, %square, residual %own {strides = [1, 1], padding = [1, 1, 1, 1], groups = 1, activation = none} : f32[N,4,1,1]
      %features = flatten %again : f32[N,4]
    """,
    """
      %first = silu %input : f32[N,4,1,1]
      %second = mish %first : f32[N,4,1,1]
      %unread = add %first, %second : f32[N,4,1,1]
      %features = flatten %second : f32[N,4]
    """,
  ])
  func networksThatWereComputedWrongly(_ nodes: String) throws {
    let format = try #require(FuzzFormat.named("network"))
    for seed in 1...6 {
      let text = """
        case \(seed) 2
        graph @found {
          input %input: f32[N,4,1,1]
          constant %weight: f32[4,4,2,2]
          constant %square: f32[4,4,3,3]
        \(nodes)
          output features = %features
        }
        """
      #expect(format.read(Bytes(Array(text.utf8))) == .accepted, "seed \(seed)")
    }
  }
}
