/// Names of values, each given once.
struct OnnxNames {
  private var taken: Set<String>

  init(taken: Set<String> = []) { self.taken = taken }

  /// `name`, or the first of `name.2`, `name.3`, ... that nothing has yet.
  mutating func unique(_ name: String) -> String {
    var candidate = name
    var number = 2
    while !taken.insert(candidate).inserted {
      candidate = "\(name).\(number)"
      number += 1
    }
    return candidate
  }
}
