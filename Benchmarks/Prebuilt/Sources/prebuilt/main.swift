import CFixresc

/// Pictures a second by the C library: `prebuilt MODEL.bin PICTURE` classifies 128 at a time, on one thread, for 2 s.
func check(_ status: fixresc_status) {
  guard status == FIXRESC_OK else { fatalError(String(cString: fixresc_last_error())) }
}

let words = CommandLine.arguments
guard words.count == 3 else { fatalError("usage: prebuilt MODEL.bin PICTURE") }
var options = fixresc_options()
options.struct_size = UInt32(MemoryLayout<fixresc_options>.size)
options.threads = 1
var model: OpaquePointer?
check(fixresc_open(words[1], &options, &model))

let clock = ContinuousClock()
let start = clock.now
var count = 0
while clock.now - start < .seconds(2) {
  words[2].withCString { path in
    var results: OpaquePointer?
    check(fixresc_classify_files(model, [UnsafePointer<CChar>?](repeating: path, count: 128), 128, &results))
    check(fixresc_results_free(results))
  }
  count += 128
}
let seconds =
  Double((clock.now - start).components.seconds)
  + Double((clock.now - start).components.attoseconds) / 1e18
print("\(Double(count) / seconds) pictures/s")
check(fixresc_close(model))
