/**
 * How a process stands to a name that it serves or stands by for. Written by those who hold its lease, read by those who
 * watch.
 */

/** Whether a process serves a name, and how often it began to. */
export interface Standing {
  hasLease: boolean
  /** Leases that it was granted. */
  takeovers: number
}
