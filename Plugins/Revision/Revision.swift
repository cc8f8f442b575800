import Foundation
import PackagePlugin

/// Gives a target the commit that it is built from, as a Swift file that `revision.sh` writes before each build.
@main
struct Revision: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) -> [Command] {
    let root = context.package.directoryURL
    let output = context.pluginWorkDirectoryURL
    return [
      .prebuildCommand(
        displayName: "The commit of the sources", executable: URL(fileURLWithPath: "/bin/sh"),
        arguments: [root.appending(path: "Plugins/Revision/revision.sh").path, root.path, output.path],
        outputFilesDirectory: output)
    ]
  }
}
