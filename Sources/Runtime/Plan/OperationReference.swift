import FixresIR

/// Holds an element-wise operation at an address, as a step's arguments are plain memory.
package final class OperationReference: @unchecked Sendable {
  // Sendable because the operation is written here and never after.
  package let address: UnsafePointer<any ElementwiseOp>

  package init(_ operation: any ElementwiseOp) {
    let memory = UnsafeMutablePointer<any ElementwiseOp>.allocate(capacity: 1)
    memory.initialize(to: operation)
    address = UnsafePointer(memory)
  }

  deinit {
    let memory = UnsafeMutablePointer(mutating: address)
    memory.deinitialize(count: 1)
    memory.deallocate()
  }
}
