// Proves that the tables are complete and say what the architecture says.

import Interfaces
import Policy
import Testing
import Wire

@Suite struct GrantsTests {
    @Test func everyGrantedMethodIsServedByItsCallee() {
        for grant in Grants.all {
            let served = Set(Grants.served(by: grant.callee).map(\.name))
            #expect(grant.methods.isSubset(of: served), "\(grant.caller) at \(grant.callee)")
        }
    }

    @Test func everyMethodIsGrantedToSomebody() {
        for role in Role.daemons + [.supervisor] {
            for method in Grants.served(by: role) {
                #expect(
                    Grants.all.contains { $0.callee == role && $0.methods.contains(method.name) },
                    "nobody may call \(method.name)")
            }
        }
    }

    @Test func onePairHasOneRow() {
        #expect(Set(Grants.all.map { "\($0.caller)>\($0.callee)" }).count == Grants.all.count)
    }

    @Test func whoHasTheNetworkHasNoSecrets() {
        for caller in [Role.ws, .dht] {
            for method in [
                LedgerInterface.UnwrapKey.spec, LedgerInterface.SignReceipt.spec,
                LedgerInterface.WrapKey.spec, LedgerInterface.BookOwn.spec,
            ] {
                #expect(!Grants.allows(caller, at: .ledger, method.name))
            }
            #expect(!Grants.callers(of: .exec).contains(caller))
            #expect(!Grants.callers(of: .content).contains(caller))
        }
        #expect(Grants.callers(of: .dht).allSatisfy { [.supervisor, .ctl, .aggregator].contains($0) })
    }

    @Test func onlyExecMayUnwrapAndOnlyAggregatorMaySpend() {
        let unwrap = Grants.all.filter { $0.methods.contains(LedgerInterface.UnwrapKey.spec.name) }.map(
            \.caller)
        let accept = Grants.all.filter { $0.methods.contains(LedgerInterface.AcceptReceipt.spec.name) }.map(
            \.caller)
        #expect(unwrap == [.exec])
        #expect(accept == [.aggregator])
    }

    @Test func theServiceTableHasEachDaemonOnceWithItsOwnUser() {
        #expect(Set(ServiceTable.rows.map(\.role)) == Set(Role.daemons))
        #expect(Set(ServiceTable.rows.map(\.user)).count == ServiceTable.rows.count)
        #expect(ServiceTable.row(.exec)?.groups == ["docker"])
        for row in ServiceTable.rows where row.role != .exec { #expect(row.groups.isEmpty) }
    }

    @Test func eachOutsideSocketBelongsToOneDaemon() {
        for socket in OutsideSocket.allCases {
            #expect(ServiceTable.rows.filter { $0.sockets.contains(socket) }.count == 1)
        }
    }
}
