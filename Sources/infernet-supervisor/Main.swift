// The supervisor's entry. It must never grow: what it does is in Core.
import Glibc
import SupervisorCore

@main enum Main {
    static func main() async { exit(await SupervisorMain.run(Array(CommandLine.arguments.dropFirst()))) }
}
