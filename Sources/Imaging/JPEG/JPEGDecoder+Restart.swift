import FixresBase

extension JPEGDecoder {
  /// Passes the restart marker that is due, `index` counted from 0, with libjpeg's recovery where another one is found
  /// (`jdmarker.c`, `jpeg_resync_to_restart`): markers that cannot stand here and the two restart markers before are
  /// skipped; the two after, and markers that end a scan, are left for later, and the segment is empty; any other
  /// restart marker is taken for the one that is due.
  ///
  /// - Returns: False where a marker is left, so that no data follows.
  /// - Throws: `truncated` where no marker follows.
  func restart(_ reader: inout JPEGBitReader, index: Int) throws(ImageError) -> Bool {
    var markers = self.markers
    markers.position = position(of: reader)
    while true {
      let code = try markers.nextMarker()
      let distance = (Int(code) - 0xD0 - index) & 7
      let isRestart = (0xD0...0xD7).contains(code)
      if code < 0xC0 || isRestart && distance >= 6 { continue }
      let isLeft = !isRestart || distance == 1 || distance == 2
      let start = markers.position - (isLeft ? 2 : 0)
      reader.restart(at: reader.next + (start - position(of: reader)))
      return !isLeft
    }
  }
}
