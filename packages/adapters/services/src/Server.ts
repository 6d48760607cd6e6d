import type { User } from "./serverUser.ts"

/** A server that a test uses, and what it may do with it. */
export interface Server {
  readonly url: string
  /** Whose process it is; undefined where that is not known, or where it does not see the files of this machine. */
  readonly user: User | undefined
  /** Kills the server process as a crash would. Only private ones. */
  readonly kill: () => Promise<void>
  /** Starts it again on the same data. Only private ones. */
  readonly restart: () => Promise<void>
  /** Ends a private one, and its data with it. */
  readonly stop: () => Promise<void>
  /** Where its data is; undefined where this machine does not see it. */
  readonly folder?: string | undefined
  /** Shuts it down in order: what it wrote is with its standbys. Only private ones out of binaries. */
  readonly shutDown?: (() => Promise<void>) | undefined
}

/** A server that was given to us by its address: not ours to kill or to stop. */
export const givenServer = (url: string, variable: string): Server => {
  const unable = () => Promise.reject(new Error(`A server that ${variable} names is not ours to stop.`))
  return { url, user: undefined, kill: unable, restart: unable, stop: () => Promise.resolve() }
}
