/// A plot as inline SVG: lines, bars and rules over two axes, with a legend.
package struct Plot: Sendable {
  package enum Shape: Sendable {
    case line(marked: Bool)
    /// A bar of the given width, in units of x, centred on each point.
    case bars(width: Double)
  }

  package struct Series: Sendable {
    package let name: String
    package let points: [(x: Double, y: Double)]
    package var shape = Shape.line(marked: false)
    /// Place among the colours; nil for the colour of text.
    package var colour: Int?
    package var isDashed = false
    package var isStrong = false

    package init(_ name: String, _ points: [(x: Double, y: Double)], colour: Int?) {
      (self.name, self.points, self.colour) = (name, points, colour)
    }
  }

  /// A line across the plot with a word to it.
  package struct Rule: Sendable {
    package let x: Double
    package let name: String
  }

  package let title: String
  package var x: Axis
  package var y: Axis
  package var series: [Series] = []
  package var rules: [Rule] = []

  package init(_ title: String, x: Axis, y: Axis) { (self.title, self.x, self.y) = (title, x, y) }

  static let size = (width: 760.0, height: 420.0)
  private static let margin = (left: 72.0, right: 24.0, top: 20.0, bottom: 56.0)
  private static let legendRow = 20.0
  private static let noteRow = 15.0
  /// About what a character of the legend takes.
  private static let characterWidth = 7.2

  /// The number of colours that are told apart.
  package static let colourCount = 9

  package var svg: String {
    let legend = legendPlaces()
    let notes = Self.noteRow * Double(rules.count)
    let top = Self.margin.top + Self.legendRow * Double(legend.rows) + notes
    let frame = Frame(
      left: Self.margin.left, top: top, right: Self.size.width - Self.margin.right,
      bottom: Self.size.height - Self.margin.bottom)
    var text =
      "<svg viewBox=\"0 0 \(Int(Self.size.width)) \(Int(Self.size.height))\" role=\"img\" "
      + "aria-label=\"\(Figures.escaped(title))\">"
    text += axes(frame) + legendMarkup(legend.places)
    for entry in series { text += markup(entry, frame) }
    for (row, rule) in rules.enumerated() { text += markup(rule, row, frame) }
    return text + "</svg>"
  }

  struct Frame {
    let left, top, right, bottom: Double
    var width: Double { right - left }
    var height: Double { bottom - top }
  }

  private func point(_ x: Double, _ y: Double, _ frame: Frame) -> (x: Double, y: Double) {
    let across = min(max(self.x.place(x), -0.01), 1.01)
    let up = min(max(self.y.place(y), -0.01), 1.01)
    return (frame.left + across * frame.width, frame.bottom - up * frame.height)
  }

  private func number(_ value: Double) -> String { Figures.short(value, 1) }

  // MARK: - Axes

  private func axes(_ frame: Frame) -> String {
    var text = ""
    for tick in y.ticks {
      let place = number(point(x.range.lowerBound, tick, frame).y)
      text +=
        "<line class=\"grid\" x1=\"\(number(frame.left))\" x2=\"\(number(frame.right))\" y1=\"\(place)\" y2=\"\(place)\"/>"
      text +=
        "<text class=\"tick\" x=\"\(number(frame.left - 8))\" y=\"\(place)\" dy=\"0.35em\" text-anchor=\"end\">"
        + "\(y.text(tick))</text>"
    }
    var lastEnd = -Double.infinity
    for tick in x.ticks {
      let place = point(tick, y.range.lowerBound, frame).x
      let label = x.text(tick)
      let half = Double(label.count) * Self.characterWidth / 2
      text +=
        "<line class=\"axis\" x1=\"\(number(place))\" x2=\"\(number(place))\" y1=\"\(number(frame.bottom))\" y2=\"\(number(frame.bottom + 5))\"/>"
      guard place - half > lastEnd + 4 else { continue }
      lastEnd = place + half
      text +=
        "<text class=\"tick\" x=\"\(number(place))\" y=\"\(number(frame.bottom + 20))\" text-anchor=\"middle\">"
        + "\(label)</text>"
    }
    text +=
      "<path class=\"axis\" d=\"M\(number(frame.left)) \(number(frame.top))V\(number(frame.bottom))H\(number(frame.right))\"/>"
    text +=
      "<text class=\"label\" x=\"\(number((frame.left + frame.right) / 2))\" y=\"\(number(Self.size.height - 12))\" "
      + "text-anchor=\"middle\">\(Figures.escaped(x.label))</text>"
    let middle = number((frame.top + frame.bottom) / 2)
    text +=
      "<text class=\"label\" transform=\"translate(18 \(middle)) rotate(-90)\" text-anchor=\"middle\">"
      + "\(Figures.escaped(y.label))</text>"
    return text
  }

  // MARK: - Legend

  private func legendPlaces() -> (rows: Int, places: [(x: Double, y: Double)]) {
    guard series.count > 1 else { return (0, []) }
    var places: [(x: Double, y: Double)] = []
    var (x, row) = (Self.margin.left, 0)
    for entry in series {
      let width = 34 + Double(entry.name.count) * Self.characterWidth + 14
      if x + width > Self.size.width - Self.margin.right, x > Self.margin.left {
        (x, row) = (Self.margin.left, row + 1)
      }
      places.append((x, 14 + Self.legendRow * Double(row)))
      x += width
    }
    return (row + 1, places)
  }

  private func legendMarkup(_ places: [(x: Double, y: Double)]) -> String {
    var text = ""
    for (entry, place) in zip(series, places) {
      switch entry.shape {
      case .line:
        text +=
          "<line \(style(entry)) x1=\"\(number(place.x))\" x2=\"\(number(place.x + 26))\" y1=\"\(number(place.y))\" y2=\"\(number(place.y))\"/>"
      case .bars:
        text +=
          "<rect \(style(entry)) x=\"\(number(place.x + 6))\" y=\"\(number(place.y - 6))\" width=\"14\" height=\"12\"/>"
      }
      text +=
        "<text class=\"key\" x=\"\(number(place.x + 32))\" y=\"\(number(place.y))\" dy=\"0.35em\">"
        + "\(Figures.escaped(entry.name))</text>"
    }
    return text
  }

  // MARK: - Series

  private func style(_ entry: Series) -> String {
    let colour = entry.colour.map { "c\($0 % Self.colourCount)" } ?? "ink"
    let kind = if case .bars = entry.shape { "bar" } else { "line" }
    let weight = (entry.isStrong ? " strong" : "") + (entry.isDashed ? " dashed" : "")
    return "class=\"\(kind) \(colour)\(weight)\""
  }

  private func markup(_ entry: Series, _ frame: Frame) -> String {
    switch entry.shape {
    case .bars(let width):
      return entry.points.map { bar($0, width, entry, frame) }.joined()
    case .line(let marked):
      let places = entry.points.map { point($0.x, $0.y, frame) }
      let path = places.enumerated().map { index, place in
        "\(index == 0 ? "M" : "L")\(number(place.x)) \(number(place.y))"
      }
      var text = "<path \(style(entry)) d=\"\(path.joined())\"/>"
      guard marked else { return text }
      let colour = entry.colour.map { "c\($0 % Self.colourCount)" } ?? "ink"
      for place in places {
        text +=
          "<circle class=\"mark \(colour)\" cx=\"\(number(place.x))\" cy=\"\(number(place.y))\" r=\"4\"/>"
      }
      return text
    }
  }

  private func bar(
    _ value: (x: Double, y: Double), _ width: Double, _ entry: Series, _ frame: Frame
  ) -> String {
    guard value.y > 0 else { return "" }
    let left = point(value.x - width / 2, 0, frame).x
    let right = point(value.x + width / 2, 0, frame).x
    let (top, bottom) = (point(value.x, value.y, frame).y, point(value.x, 0, frame).y)
    return
      "<rect \(style(entry)) x=\"\(number(left))\" y=\"\(number(top))\" width=\"\(number(right - left))\" "
      + "height=\"\(number(bottom - top))\"/>"
  }

  private func markup(_ rule: Rule, _ row: Int, _ frame: Frame) -> String {
    let place = point(rule.x, y.range.lowerBound, frame).x
    let toLeft = place > frame.left + frame.width * 0.75
    // Words stand above the frame, where no curve runs.
    let above = frame.top - 6 - Self.noteRow * Double(rules.count - 1 - row)
    return
      "<line class=\"rule\" x1=\"\(number(place))\" x2=\"\(number(place))\" y1=\"\(number(above - 8))\" y2=\"\(number(frame.bottom))\"/>"
      + "<text class=\"note\" x=\"\(number(place + (toLeft ? -6 : 6)))\" y=\"\(number(above))\" "
      + "text-anchor=\"\(toLeft ? "end" : "start")\">\(Figures.escaped(rule.name))</text>"
  }
}
