/// What is legal and yet not read, each with its own hint.
package enum Unsupported: Hashable, Sendable {
  /// The tar form that PyTorch wrote before 0.1.12.
  case tarCheckpoint
  case torchScript
  /// What `torch.export.save` writes (`.pt2`).
  case exportedProgram
  case bigEndian
  /// A zip archive that `torch.save` did not write; `firstMember` names its first member.
  case otherZip(firstMember: String)
  case compressedMember(name: String, method: Int)
  case encryptedMember(name: String)
  /// A pickle that `torch.save` did not write.
  case otherPickle
}
