/**
 * The pace of a live trial. The times in a plan (how long a lease holds, when a caller gives up, how long a handler takes)
 * were chosen for a store that answers in a few milliseconds. On a slower one all of them are stretched alike, so that the
 * same things happen in the same order: a lease of 300 ms is none where taking it takes 200.
 */
import type { Fault, Plan, Step } from "./Plan.ts"

/** How long a call may take, in milliseconds, for a plan's times to be right as they are. */
const plannedCallMillis = 10
/** Above it a lease of a plan would be longer than any host's. */
const mostPace = 30

/** By how much a plan's times are stretched where a call takes so long. */
export const paceOf = (callMillis: number): number =>
  Math.min(mostPace, Math.max(1, Math.ceil(callMillis / plannedCallMillis)))

/** The plan with all its times stretched. Clocks that jump, and calls of days ago, are no matter of pace. */
export const paced = (plan: Plan, pace: number): Plan => {
  if (pace === 1) return plan
  const { clients, faults, delivery } = plan
  return {
    ...plan,
    clients: clients.map((steps) => steps.map((step) => pacedStep(step, pace))),
    faults: faults.map((fault) => pacedFault(fault, pace)),
    ...(delivery === undefined
      ? {}
      : {
          delivery: {
            ...delivery,
            leaseMillis: delivery.leaseMillis * pace,
            handlers: delivery.handlers.map((each) => ({ ...each, millis: each.millis * pace })),
          },
        }),
  }
}

const pacedStep = (step: Step, pace: number): Step => {
  if (step.do === "pause") return { ...step, millis: step.millis * pace }
  if (step.do !== "call") return step
  const { deadlineMillis, lateMillis, leaveAfterMillis } = step
  return {
    ...step,
    ...(deadlineMillis === undefined ? {} : { deadlineMillis: deadlineMillis * pace }),
    ...(lateMillis === undefined ? {} : { lateMillis: lateMillis * pace }),
    ...(leaveAfterMillis === undefined ? {} : { leaveAfterMillis: leaveAfterMillis * pace }),
  }
}

const pacedFault = (fault: Fault, pace: number): Fault =>
  fault.fault === "slow" || fault.fault === "busy" ? { ...fault, millis: fault.millis * pace } : fault
