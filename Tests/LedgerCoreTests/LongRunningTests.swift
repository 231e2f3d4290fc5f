// What takes a minute each and wants the machine: one after the other, so that none is measured beside another.
// It must never hold a test itself.

import Testing

@Suite(.serialized) struct LongRunningTests {}
