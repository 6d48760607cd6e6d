import { globSync } from "node:fs"
import { leaveOut } from "./leaveOut.ts"

/** The library is loaded directly: the command `faketime` stands between us and the process that we want to kill. */
const faketime = globSync("/usr/lib/{,*/}faketime/libfaketimeMT.so.1")[0]

/**
 * The environment of a process whose clock is so far ahead, such as `+10m`. What measures intervals is left alone: clocks are
 * corrected, time runs on.
 */
export const clockAhead = (ahead: string): NodeJS.ProcessEnv => ({
  LD_PRELOAD: faketime,
  FAKETIME: ahead,
  FAKETIME_DONT_FAKE_MONOTONIC: "1",
})

/** Whether a process can be given another clock here. Where it cannot, the run says loudly what it leaves out. */
export const hasFaketime = (who: string): boolean => {
  if (faketime !== undefined) return true
  leaveOut(`${who}: no faketime here (Debian's package \`faketime\`)`)
  return false
}
