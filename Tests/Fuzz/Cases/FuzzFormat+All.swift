extension FuzzFormat {
  /// Every format, in the order of tables; seeds are read and made when it is first asked for.
  package static let all: [FuzzFormat] =
    GraphText.formats() + NetworkCases.formats() + ModelFileCases.formats() + ArrayCases.formats()
    + TextCases.formats()
    + StateCases.formats()
    + CheckpointCases.formats() + ProtobufCases.formats() + PictureCases.formats() + ArgumentCases.formats()

  /// The format called `name`; nil where there is none.
  package static func named(_ name: String) -> FuzzFormat? { all.first { $0.name == name } }
}
