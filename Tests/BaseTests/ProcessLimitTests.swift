import FixresBase
import Testing

/// What needs no process of its own; `Tests/Faults` sets limits.
@Suite struct ProcessLimitTests {
  @Test func withoutALimitAllIsAllowed() {
    guard !AddressSpace.isLimited else { return #expect(AddressSpace.available() < .max) }
    #expect(AddressSpace.allows(.max) && AddressSpace.available() == .max)
  }

  @Test func aGateAdmitsAnyNumberAtATime() {
    let gate = ForkGate()
    #expect(gate.enter() && gate.enter())
    gate.leave()
    gate.leave()
    #expect(gate.enter())
    gate.leave()
  }
}
