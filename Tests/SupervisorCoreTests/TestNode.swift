// A node whose daemons are small Perl scripts that keep the parent contract: what is tested is the parent, with real
// processes, sockets and signals. It must never be started outside a test.

import FoundationEssentials
import Glibc
import IPC
import Interfaces
import Logging
import NIOCore
import NIOPosix
import NodeConfig
import NodeSystem
import Policy
import Wire

@testable import SupervisorCore

/// One node in folders of its own.
final class TestNode: Sendable {
    let configuration: NodeConfiguration
    let folders: NodeFolders
    let supervisor: Supervisor
    let hub: LogHub
    private let server: RPCServer
    private let running: Task<Void, Never>
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    /// Starts a node; `modes` says how a daemon misbehaves (see `script`).
    init(modes: [Role: String] = [:], adjust: (inout NodeConfiguration) -> Void = { _ in }) async throws {
        var configuration = NodeConfiguration()
        let base = TestFolder.make("node")
        configuration.node.stateDirectory = base + "/state"
        configuration.node.runDirectory = base + "/run"
        configuration.http.listen = "127.0.0.1:0"
        configuration.peer.listen = ""
        configuration.dht.listen = "127.0.0.1:0"
        adjust(&configuration)
        self.configuration = configuration
        folders = NodeFolders(configuration.node)
        let rows = ServiceTable.rows
        let isolation = Isolation(
            isRoot: geteuid() == 0, rows: rows, user: { _ in nil }, group: { _ in nil })
        try folders.prepare(isolation, rows: rows)
        let programs = base + "/programs"
        try FileManager.default.createDirectory(atPath: programs, withIntermediateDirectories: true)
        for row in rows {
            let path = "\(programs)/\(row.role.rawValue)"
            TestFolder.write(Self.script, to: path)
            chmod(path, 0o755)
            if let mode = modes[row.role] {
                TestFolder.write(mode, to: folders.state(of: row.role) + "/mode")
            }
        }
        let clock = NodeClock()
        let hub = LogHub(folder: folders.logs) { clock.unixMilliseconds }
        self.hub = hub
        let log = Logger(label: "test") { _ in HubLogHandler(level: .debug, hub: hub, clock: clock) }
        let launcher = Launcher(
            configuration: configuration, folders: folders, isolation: isolation, programs: programs,
            extra: ["/usr/bin"])
        let sockets = try NodeSockets(configuration, folders: folders, isolation: isolation)
        let stop = StopSwitch()
        let supervisor = try Supervisor(
            configuration: configuration, folders: folders, isolation: isolation, launcher: launcher,
            sockets: sockets, hub: hub, log: log, clock: clock, stop: stop, spawner: try SpawnThread(),
            loop: group.next())
        self.supervisor = supervisor
        var router = Router()
        stop.listen { why in Task { await supervisor.shutDown(why) } }
        SupervisorService(house: supervisor, configPath: nil).routes(&router)
        server = RPCServer(role: .supervisor, router: router, group: group, log: log) {
            Grants.allows($0, at: .supervisor, $1)
        }
        for socket in sockets.own {
            try await server.listen(descriptor: socket.descriptor, caller: socket.caller, uid: nil)
        }
        running = Task { await supervisor.run() }
    }

    /// A person's line to the supervisor.
    func hand(_ callee: Role = .supervisor) -> PeerLink {
        PeerLink(
            callee: callee,
            path: NodePaths.socket(runDirectory: folders.run, callee: callee, caller: .ctl),
            loop: group.next(),
            log: Logger(label: "hand"))
    }

    func status(of role: Role) async -> SupervisorInterface.DaemonStatus? {
        await supervisor.status().daemons.first { $0.daemon == role }
    }

    /// Waits until a condition holds; false when it does not within the time.
    func waits(
        _ limit: Duration = .seconds(20), until condition: (SupervisorInterface.Status.Reply) -> Bool
    ) async -> Bool {
        let end = ContinuousClock.now + limit
        while ContinuousClock.now < end {
            if condition(await supervisor.status()) { return true }
            try? await Task.sleep(for: .milliseconds(2))
        }
        return false
    }

    func stop() async {
        await supervisor.shutDown("the test is over")
        await running.value
        await server.close()
        try? await group.shutdownGracefully()
    }

    /// Modes: `config` exits with 78, `mute` never says READY, `hang` answers nothing on its socket, `sick` reports a
    /// failing check, `stubborn` ignores SIGTERM.
    private static let script = #"""
        #!/usr/bin/perl
        use strict; use warnings; use IO::Socket::UNIX; use IO::Select; use Socket;
        my ($role) = $0 =~ m{([^/]+)$};
        my $mode = '';
        if (open my $f, '<', "$ENV{STATE_DIRECTORY}/mode") { $mode = <$f> // ''; }
        die "not meant for me" unless $ENV{LISTEN_PID} == $$;
        print STDERR "plain words of $role\n";
        print STDERR "{\"daemon\":\"$role\",\"job\":\"job-$role\",\"msg\":\"json words\"}\n";
        exit 78 if $mode eq 'config';
        if ($mode eq 'stubborn') { $SIG{TERM} = 'IGNORE' } else { $SIG{TERM} = sub { exit 0 } }
        my @names = split /:/, $ENV{LISTEN_FDNAMES};
        my %fd; for my $i (0 .. $#names) { $fd{$names[$i]} = 3 + $i }
        open my $config, '<&=', $fd{config} or die; my $slice = do { local $/; <$config> };
        die "no slice" unless $slice =~ /"section"/;
        my $notify = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Peer => $ENV{NOTIFY_SOCKET}) or die;
        my $sockets = join ',', sort grep { !/^rpc|config/ } @names;
        $notify->send("READY=1\nSTATUS=sockets: $sockets") unless $mode eq 'mute';
        my $listener = IO::Socket::UNIX->new_from_fd($fd{'rpc.infernet-supervisor'}, 'r+');
        my $select = IO::Select->new($mode eq 'hang' ? () : $listener);
        my %buffer;
        while (1) {
            $notify->send('WATCHDOG=1');
            if ($mode eq 'hang') { sleep 1; next }
            for my $s ($select->can_read(1)) {
                if ($s == $listener) { my $c = $listener->accept; $select->add($c); $buffer{$c} = ''; next }
                if (!sysread($s, $buffer{$s}, 65536, length $buffer{$s})) { $select->remove($s); close $s; next }
                while (length $buffer{$s} >= 4) {
                    my $n = unpack 'N', $buffer{$s};
                    last if length $buffer{$s} < 4 + $n;
                    my $frame = substr $buffer{$s}, 4, $n;
                    $buffer{$s} = substr $buffer{$s}, 4 + $n;
                    my ($id) = $frame =~ /"id":(\d+)/;
                    my ($method) = $frame =~ /"method":"([^"]+)"/;
                    next unless defined $id;
                    my $check = '{"name":"test","ok":false,"reason":"is sick","fix":"heal it"}';
                    my %reply = (
                        'hello' => "{\"server\":\"$role\",\"caller\":\"infernet-supervisor\",\"build\":\"t\",\"interface\":1}",
                        'control.health' => '{"checks":[' . ($mode eq 'sick' ? $check : '') . ']}',
                        'control.metrics' => '{"text":"# TYPE work_total counter\nwork_total 5\n"}');
                    my $json = "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":" . ($reply{$method} // '{}') . '}';
                    syswrite $s, pack('N', length $json) . $json;
                }
            }
        }
        """#
}
