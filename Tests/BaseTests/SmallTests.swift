import FixresBase
import Testing

@Suite struct SeededRandomTests {
  @Test func knownAnswers() {
    // The published generators, seeded with 42.
    var random = SeededRandom(seed: 42)
    #expect(
      (0..<4).map { _ in random.next() } == [
        0xD076_4D4F_4476_689F, 0x519E_4174_576F_3791, 0xFBE0_7CFB_0C24_ED8C, 0xB37D_9F60_0CD8_35B8,
      ])
  }

  @Test func distributionsHaveTheirMoments() {
    var random = SeededRandom(seed: 7)
    let count = 200_000
    var uniform = (sum: 0.0, least: 1.0, greatest: 0.0)
    var normal = (sum: 0.0, squares: 0.0)
    var faces = [Int](repeating: 0, count: 6)
    for _ in 0..<count {
      let u = random.nextDouble()
      uniform = (uniform.sum + u, min(uniform.least, u), max(uniform.greatest, u))
      let g = random.nextGaussian()
      normal = (normal.sum + g, normal.squares + g * g)
      faces[random.nextInt(in: -2..<4) + 2] += 1
      let f = random.nextFloat()
      #expect(f >= 0 && f < 1)
    }
    #expect(uniform.least >= 0 && uniform.greatest < 1)
    #expect(abs(uniform.sum / Double(count) - 0.5) < 0.004)
    #expect(abs(normal.sum / Double(count)) < 0.012)
    #expect(abs(normal.squares / Double(count) - 1) < 0.02)
    for face in faces { #expect(abs(Double(face) / Double(count) - 1.0 / 6) < 0.005) }
  }
}

@Suite struct CheckedIntegerTests {
  @Test func productsOverflowToNil() {
    #expect(Int.checkedProduct([]) == 1)
    #expect(Int.checkedProduct([2, 3, 7]) == 42)
    #expect(Int.checkedProduct([2, 0, 7]) == 0)
    #expect(Int.checkedProduct([2, -1]) == nil)
    #expect(Int.checkedProduct([1 << 32, 1 << 31]) == nil)
    #expect(Int.checkedProduct([0, 1 << 32, 1 << 32]) == nil)
    #expect(Int.checkedProduct([1 << 32, 1 << 32, 0]) == nil)
  }

  @Test func sumsAndAlignmentsOverflowToNil() {
    #expect(Int.max.addingChecked(1) == nil && 2.addingChecked(3) == 5)
    #expect(Int.min.subtractingChecked(1) == nil && 2.subtractingChecked(3) == -1)
    #expect(Int.max.multipliedChecked(2) == nil && 2.multipliedChecked(3) == 6)
    #expect(65.alignedChecked(to: 64) == 128 && 64.alignedChecked(to: 64) == 64)
    #expect(Int.max.alignedChecked(to: 64) == nil)
  }
}

@Suite struct HalfFloatTests {
  @Test func everyHalfHasItsValue() {
    for bits in UInt16.min...UInt16.max {
      let value = Float(halfBits: bits)
      let exponent = Int(bits >> 10 & 31)
      let fraction = Float(bits & 0x3FF)
      let sign: Float = bits & 0x8000 == 0 ? 1 : -1
      if exponent == 31 {
        #expect(fraction == 0 ? value == sign * .infinity : value.isNaN)
      } else {
        let scale = Float(sign: .plus, exponent: max(exponent, 1) - 25, significand: 1)
        #expect(value == sign * (exponent == 0 ? fraction : fraction + 1024) * scale)
        #expect(value.sign == (sign < 0 ? .minus : .plus))
      }
    }
  }

  @Test func bfloatIsTheUpperHalf() {
    #expect(Float(bfloatBits: 0x3F80) == 1)
    #expect(Float(bfloatBits: 0xC040) == -3)
    #expect(Float(bfloatBits: 0x7F80) == .infinity)
  }
}

@Suite struct MonotonicClockTests {
  @Test func neverRunsBackwards() {
    var last = MonotonicClock.nanoseconds()
    for _ in 0..<1000 {
      let now = MonotonicClock.nanoseconds()
      #expect(now >= last)
      last = now
    }
  }
}
