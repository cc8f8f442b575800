/// A plot as inline SVG: lines, bars and rules over two axes, with a legend.
package struct Plot: Sendable {
  /// How the points of a series are drawn.
  package enum Shape: Sendable {
    /// A line through the points, with a mark on each where `marked`.
    case line(marked: Bool)
    /// A bar of the given width, in units of x, centred on each point.
    case bars(width: Double)
  }

  /// The points of one legend entry.
  package struct Series: Sendable {
    /// The name in the legend.
    package let name: String
    /// The points in data coordinates.
    package let points: [(x: Double, y: Double)]
    /// How the points are drawn.
    package var shape = Shape.line(marked: false)
    /// Index of the colour; nil for the colour of text.
    package var colour: Int?
    /// Whether the line is dashed.
    package var isDashed = false
    /// Whether the line is thicker than others.
    package var isStrong = false

    /// A line named `name` through `points`.
    package init(_ name: String, _ points: [(x: Double, y: Double)], colour: Int?) {
      (self.name, self.points, self.colour) = (name, points, colour)
    }
  }

  /// A vertical line across the plot with a label.
  package struct Rule: Sendable {
    /// Where the line crosses the x axis.
    package let x: Double
    /// The label above the line.
    package let name: String
  }

  /// The plot's title.
  package let title: String
  /// The horizontal axis.
  package var x: Axis
  /// The vertical axis.
  package var y: Axis
  /// What is plotted, in drawing order.
  package var series: [Series] = []
  /// Vertical lines with labels.
  package var rules: [Rule] = []

  /// A plot without series.
  package init(_ title: String, x: Axis, y: Axis) { (self.title, self.x, self.y) = (title, x, y) }

  static let size = (width: 760.0, height: 420.0)
  private static let margin = (left: 72.0, right: 24.0, top: 20.0, bottom: 56.0)
  private static let legendRow = 20.0
  private static let noteRow = 15.0
  /// Approximate width of a character of the legend.
  private static let characterWidth = 7.2

  /// Number of distinct colours.
  package static let colourCount = 9

  /// The plot as an SVG element.
  package var svg: String {
    let legend = legendPositions()
    let notes = Self.noteRow * Double(rules.count)
    let top = Self.margin.top + Self.legendRow * Double(legend.rows) + notes
    let frame = Frame(
      left: Self.margin.left, top: top, right: Self.size.width - Self.margin.right,
      bottom: Self.size.height - Self.margin.bottom)
    var text =
      "<svg viewBox=\"0 0 \(Int(Self.size.width)) \(Int(Self.size.height))\" role=\"img\" "
      + "aria-label=\"\(Figures.escaped(title))\">"
    text += axes(frame) + legendMarkup(legend.positions)
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
    let across = min(max(self.x.fraction(x), -0.01), 1.01)
    let up = min(max(self.y.fraction(y), -0.01), 1.01)
    return (frame.left + across * frame.width, frame.bottom - up * frame.height)
  }

  private func number(_ value: Double) -> String { Figures.short(value, 1) }

  // MARK: - Axes

  private func axes(_ frame: Frame) -> String {
    var text = ""
    for tick in y.ticks {
      let position = number(point(x.range.lowerBound, tick, frame).y)
      text +=
        "<line class=\"grid\" x1=\"\(number(frame.left))\" x2=\"\(number(frame.right))\" y1=\"\(position)\" y2=\"\(position)\"/>"
      text +=
        "<text class=\"tick\" x=\"\(number(frame.left - 8))\" y=\"\(position)\" dy=\"0.35em\" text-anchor=\"end\">"
        + "\(y.text(tick))</text>"
    }
    var lastEnd = -Double.infinity
    for tick in x.ticks {
      let position = point(tick, y.range.lowerBound, frame).x
      let label = x.text(tick)
      let half = Double(label.count) * Self.characterWidth / 2
      text +=
        "<line class=\"axis\" x1=\"\(number(position))\" x2=\"\(number(position))\" y1=\"\(number(frame.bottom))\" y2=\"\(number(frame.bottom + 5))\"/>"
      guard position - half > lastEnd + 4 else { continue }
      lastEnd = position + half
      text +=
        "<text class=\"tick\" x=\"\(number(position))\" y=\"\(number(frame.bottom + 20))\" text-anchor=\"middle\">"
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

  private func legendPositions() -> (rows: Int, positions: [(x: Double, y: Double)]) {
    guard series.count > 1 else { return (0, []) }
    var positions: [(x: Double, y: Double)] = []
    var (x, row) = (Self.margin.left, 0)
    for entry in series {
      let width = 34 + Double(entry.name.count) * Self.characterWidth + 14
      if x + width > Self.size.width - Self.margin.right, x > Self.margin.left {
        (x, row) = (Self.margin.left, row + 1)
      }
      positions.append((x, 14 + Self.legendRow * Double(row)))
      x += width
    }
    return (row + 1, positions)
  }

  private func legendMarkup(_ positions: [(x: Double, y: Double)]) -> String {
    var text = ""
    for (entry, position) in zip(series, positions) {
      switch entry.shape {
      case .line:
        text +=
          "<line \(style(entry)) x1=\"\(number(position.x))\" x2=\"\(number(position.x + 26))\" y1=\"\(number(position.y))\" y2=\"\(number(position.y))\"/>"
      case .bars:
        text +=
          "<rect \(style(entry)) x=\"\(number(position.x + 6))\" y=\"\(number(position.y - 6))\" width=\"14\" height=\"12\"/>"
      }
      text +=
        "<text class=\"key\" x=\"\(number(position.x + 32))\" y=\"\(number(position.y))\" dy=\"0.35em\">"
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
      return entry.points.map { bar($0, width: width, entry, frame) }.joined()
    case .line(let marked):
      let positions = entry.points.map { point($0.x, $0.y, frame) }
      let path = positions.enumerated().map { index, position in
        "\(index == 0 ? "M" : "L")\(number(position.x)) \(number(position.y))"
      }
      var text = "<path \(style(entry)) d=\"\(path.joined())\"/>"
      guard marked else { return text }
      let colour = entry.colour.map { "c\($0 % Self.colourCount)" } ?? "ink"
      for position in positions {
        text +=
          "<circle class=\"mark \(colour)\" cx=\"\(number(position.x))\" cy=\"\(number(position.y))\" r=\"4\"/>"
      }
      return text
    }
  }

  private func bar(
    _ value: (x: Double, y: Double), width: Double, _ entry: Series, _ frame: Frame
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
    let position = point(rule.x, y.range.lowerBound, frame).x
    let toLeft = position > frame.left + frame.width * 0.75
    // Labels are above the frame, where no curve runs.
    let above = frame.top - 6 - Self.noteRow * Double(rules.count - 1 - row)
    return
      "<line class=\"rule\" x1=\"\(number(position))\" x2=\"\(number(position))\" y1=\"\(number(above - 8))\" y2=\"\(number(frame.bottom))\"/>"
      + "<text class=\"note\" x=\"\(number(position + (toLeft ? -6 : 6)))\" y=\"\(number(above))\" "
      + "text-anchor=\"\(toLeft ? "end" : "start")\">\(Figures.escaped(rule.name))</text>"
  }
}
