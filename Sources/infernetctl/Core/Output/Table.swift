// Aligned columns. Pure.
// It must never cut a value in the last column: there the reason stands.

/// A table of texts.
struct Table {
    enum Alignment: Sendable { case left, right }
    /// A cell: its text, and how it is emphasised once it has been padded.
    struct Cell {
        var text: String
        var paint: (String) -> String

        init(_ text: String, _ paint: @escaping (String) -> String = { $0 }) {
            self.text = TerminalText.clean(text).replacing("\n", with: " ")
            self.paint = paint
        }
    }

    private let titles: [String]
    private let alignments: [Alignment]
    private var rows: [[Cell]] = []

    /// - Parameter columns: titles with their alignment.
    init(_ columns: [(String, Alignment)]) {
        titles = columns.map(\.0)
        alignments = columns.map(\.1)
    }

    mutating func add(_ cells: [Cell]) { rows.append(cells) }
    mutating func add(_ texts: String...) { rows.append(texts.map { Cell($0) }) }

    /// The lines, two blanks between columns, no blanks at the ends.
    func lines(_ style: Style = .plain) -> [String] {
        let all = [titles.map { Cell($0, style.dim) }] + rows
        let widths = titles.indices.map { column in all.map { $0[column].text.count }.max() ?? 0 }
        return all.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.text.count)
                let last = column == row.count - 1
                switch alignments[column] {
                case .right: line += padding + cell.paint(cell.text)
                case .left: line += cell.paint(cell.text) + (last ? "" : padding)
                }
                if !last { line += "  " }
            }
            return line
        }
    }
}
