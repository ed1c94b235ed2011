import Testing

/// Returns once `condition` holds; fails when it does not within half a minute.
func waitUntil(_ condition: () -> Bool) async throws {
    for _ in 0..<6000 where !condition() { try await Task.sleep(for: .milliseconds(5)) }
    try #require(condition(), "nothing happened for half a minute")
}
