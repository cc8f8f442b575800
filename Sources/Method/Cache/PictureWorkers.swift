/// Others who compute what networks give for pictures, such as the machines of a cluster.
package struct PictureWorkers {
  /// Path of a folder for tasks and their results.
  package let folder: String
  /// Computes the task that the folder `task` holds, and appends the records of its samples, in any order, to the file
  /// `results`; false where that fails.
  package let compute: (_ task: String, _ results: String) -> Bool

  /// Workers whose tasks lie in `folder`.
  package init(folder: String, compute: @escaping (_ task: String, _ results: String) -> Bool) {
    (self.folder, self.compute) = (folder, compute)
  }
}
