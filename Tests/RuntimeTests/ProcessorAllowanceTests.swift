import FixresRuntime
import Testing

@Suite struct ProcessorAllowanceTests {
  private func limit(_ affinity: Int, _ groups: String, _ files: [String: String]) -> ProcessorAllowance {
    ProcessorAllowance.limit(affinity: affinity, online: 8, groups: groups) { files[$0] }
  }

  @Test func affinityAloneCounts() {
    let found = limit(3, "", [:])
    #expect(found.count == 3)
    #expect(found.reason == "3 of 8 CPUs by affinity, no CPU quota")
  }

  @Test func unifiedQuotaOfAnAncestorHolds() {
    let files = [
      "/sys/fs/cgroup/a/b/cpu.max": "max 100000\n", "/sys/fs/cgroup/a/cpu.max": "250000 100000\n",
    ]
    let found = limit(8, "0::/a/b\n", files)
    #expect(found.count == 2)
    #expect(found.reason == "8 CPUs by affinity, quota of 2.5 CPUs")
  }

  @Test func legacyQuotaHolds() {
    let files = [
      "/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us": "50000\n",
      "/sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "100000\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
    ]
    let found = limit(4, "4:cpu,cpuacct:/x\n2:memory:/y\n", files)
    #expect(found.count == 1)
    #expect(found.reason == "4 of 8 CPUs by affinity, quota of 0.5 CPUs")
  }

  @Test func quotaAboveAffinityChangesNothing() {
    #expect(limit(2, "0::/\n", ["/sys/fs/cgroup/cpu.max": "400000 100000\n"]).count == 2)
  }

  @Test func kernelListsAreRead() {
    #expect(ProcessorAllowance.cpuList("0-3,8\n") == [0, 1, 2, 3, 8])
    #expect(ProcessorAllowance.cpuList(" 5 ") == [5])
    #expect(ProcessorAllowance.cpuList("x-") == [])
  }

  @Test func theMachineAllowsSomething() {
    #expect(ProcessorAllowance.current().count >= 1)
    #expect(MachineMemory.availableByteCount() > 1 << 20)
    let peak = MachineMemory.peakResidentByteCount()
    #expect(peak > 1 << 20 && peak < 1 << 36)
    #expect(MachineMemory.memoryAvailable("MemTotal: 5 kB\nMemAvailable:    7 kB\n") == 7168)
  }
}
