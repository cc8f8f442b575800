/// Contents of a valid file that are not read, each with its own hint.
package enum Unsupported: Hashable, Sendable {
  /// The tar form that PyTorch wrote before 0.1.12.
  case tarCheckpoint
  /// A TorchScript program.
  case torchScript
  /// A program that `torch.export.save` wrote (`.pt2`).
  case exportedProgram
  /// Data of a big-endian machine.
  case bigEndian
  /// A zip archive that `torch.save` did not write; `firstMember` names its first member.
  case otherZip(firstMember: String)
  /// A zip member that is not stored; `method` is the compression method of APPNOTE.TXT 4.4.5.
  case compressedMember(name: String, method: Int)
  /// An encrypted zip member.
  case encryptedMember(name: String)
  /// A pickle that `torch.save` did not write.
  case otherPickle
}
