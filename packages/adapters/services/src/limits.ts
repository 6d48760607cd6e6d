/**
 * The two limits of all tests. They are there for what hangs: no test may depend on how fast the machine is, so no test
 * names a limit of its own, and whoever waits for something waits for it to be so and not for a fixed time.
 */

/** What has not ended by then hangs, in milliseconds: the limit of vitest. */
export const hangMillis = 600_000

/** The same for a command that a test runs, a little less, so that the test can still tell what the command said. */
export const commandMillis = 540_000
