/// A page that needs nothing else: text, tables and plots, legible in light, dark and print.
package struct HTMLReport: Sendable {
  /// The page's title.
  package let title: String
  /// What was measured on what, under the title.
  package let subtitle: String
  private var body = ""

  /// An empty page.
  package init(_ title: String, subtitle: String) { (self.title, self.subtitle) = (title, subtitle) }

  /// Appends a heading.
  package mutating func heading(_ text: String) { body += "<h2>\(Figures.escaped(text))</h2>\n" }

  /// Appends a paragraph.
  package mutating func paragraph(_ text: String) { body += "<p>\(Figures.escaped(text))</p>\n" }

  /// Appends the page's conclusion, an emphasised sentence.
  package mutating func finding(_ text: String) {
    body += "<p class=\"finding\">\(Figures.escaped(text))</p>\n"
  }

  /// Appends a plot with its caption.
  package mutating func plot(_ plot: Plot, caption: String) {
    body +=
      "<figure><h3>\(Figures.escaped(plot.title))</h3>\(plot.svg)"
      + "<figcaption>\(Figures.escaped(caption))</figcaption></figure>\n"
  }

  /// Appends a table; all columns but the first are aligned right, and row `emphasised` is in bold.
  package mutating func table(_ header: [String], _ rows: [[String]], emphasised: Int? = nil) {
    body += "<div class=\"scroll\"><table><thead><tr>"
    body += header.map { "<th scope=\"col\">\(Figures.escaped($0))</th>" }.joined()
    body += "</tr></thead><tbody>\n"
    for (index, row) in rows.enumerated() {
      body += index == emphasised ? "<tr class=\"best\">" : "<tr>"
      body += row.map { "<td>\(Figures.escaped($0))</td>" }.joined() + "</tr>\n"
    }
    body += "</tbody></table></div>\n"
  }

  /// The page as HTML text.
  package var html: String {
    """
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
    <meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">
    <title>\(Figures.escaped(title))</title>
    <style>\(Self.style)</style></head>
    <body><main><h1>\(Figures.escaped(title))</h1><p class="subtitle">\(Figures.escaped(subtitle))</p>
    \(body)</main></body></html>

    """
  }

  /// Hues of the series, from cold to warm, told apart by lightness too.
  private static let hues = [
    (262, 50, 45), (225, 70, 50), (200, 85, 38), (170, 90, 28), (125, 50, 35), (75, 80, 29), (38, 90, 40),
    (18, 85, 45), (345, 75, 45),
  ]

  private static let style: String = {
    let light = hues.enumerated().map { "--c\($0):hsl(\($1.0) \($1.1)% \($1.2)%);" }.joined()
    let dark = hues.enumerated().map { "--c\($0):hsl(\($1.0) \(max(55, $1.1 - 10))% \($1.2 + 26)%);" }
      .joined()
    let classes = hues.indices.map {
      ".line.c\($0){stroke:var(--c\($0))}.bar.c\($0),.mark.c\($0){fill:var(--c\($0))}"
    }.joined()
    let lightColours =
      "--ink:#16181d;--soft:#555b66;--paper:#fff;--panel:#f6f7f9;--grid:#dfe2e7;--accent:#0b5cad;" + light
    return """
      :root{\(lightColours)}
      @media (prefers-color-scheme:dark){:root{--ink:#eceef2;--soft:#a9b0bc;--paper:#14161a;--panel:#1d2026;\
      --grid:#343943;--accent:#7ab8ff;\(dark)}}
      body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,"Segoe UI",Roboto,sans-serif}
      main{max-width:860px;margin:0 auto;padding:24px 20px 48px}
      h1{font-size:1.6rem;line-height:1.25;margin:.4em 0 .1em}h2{font-size:1.2rem;margin:1.8em 0 .4em}
      h3{font-size:1rem;margin:0 0 .5em}.subtitle,figcaption{color:var(--soft);margin:.2em 0}
      .subtitle{overflow-wrap:anywhere}.finding{border-left:4px solid var(--accent);padding:.4em 0 .4em .9em;font-weight:600}
      figure{margin:1.2em 0;padding:14px;background:var(--panel);border-radius:8px}figcaption{font-size:.88rem}
      svg{width:100%;height:auto;display:block}svg text{font:13px system-ui,"Segoe UI",Roboto,sans-serif;fill:var(--ink)}
      svg .tick,svg .note{fill:var(--soft)}svg .note{font-size:12px}
      .axis{stroke:var(--ink);fill:none}.grid{stroke:var(--grid)}.rule{stroke:var(--soft);stroke-dasharray:3 4}
      .line{fill:none;stroke-width:2;stroke-linejoin:round}.line.strong{stroke-width:3.4}.line.dashed{stroke-dasharray:7 5}
      .line.ink{stroke:var(--ink)}.bar.ink,.mark.ink{fill:var(--ink)}.bar{opacity:.8}\(classes)
      .scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem;width:100%}
      th,td{padding:.3em .6em;text-align:right;border-bottom:1px solid var(--grid);white-space:nowrap}
      th:first-child,td:first-child{text-align:left}thead th{border-bottom:2px solid var(--soft)}.best td{font-weight:700}
      @media print{:root{\(lightColours)}body{font-size:13px}main{max-width:none;padding:0}\
      figure,tr{break-inside:avoid}h2{break-after:avoid}figure{margin:.8em 0;padding:10px}svg{width:82%;margin:0 auto}\
      .scroll{overflow:visible}table{font-size:.8rem}th,td{padding:.25em .4em;white-space:normal}}
      """
  }()
}
