/// Makes names of values unique.
struct OnnxNames {
  private var taken: Set<String>

  /// Creates a set of names that are `taken`.
  init(taken: Set<String> = []) { self.taken = taken }

  /// `name`, or the first of `name.2`, `name.3`, ... that is free; the result is then taken.
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
