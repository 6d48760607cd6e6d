/**
 * Plans: what a trial does, as plain JSON. Who calls what, what is read in between, and what goes wrong.
 *
 * A plan says nothing about the order in which clients run: that is the schedule's. Plan, tape and seed together are the
 * token that replays a counterexample.
 */

/** One call of the API: the operation's name and what a caller would type. */
export interface PlannedCall {
  /** Group and call: `orders.place`. */
  readonly call: string
  readonly input: { readonly [field: string]: unknown }
  readonly key?: string
  /** The key of the placed order that this call completes or cancels; its id is looked up when the call is made. */
  readonly order?: string
}

/** What a client asks the services. */
export type Question =
  /** What became of a keyed call, made so long ago where it says so. */
  | { readonly what: "outcome"; readonly call: string; readonly key: string; readonly calledAgoMillis?: number }
  /** The last order that this client placed. */
  | { readonly what: "order" }
  /** A whole list, page by page. */
  | {
      readonly what: "list"
      readonly of: "entries" | "movements" | "orders"
      readonly id: string
      readonly limit: number
      readonly order: "newest-first" | "oldest-first"
    }

/** What a client does next, once the step before is answered. */
export type Step =
  /** Calls that belong together: one batch. */
  | {
      readonly do: "call"
      readonly calls: ReadonlyArray<PlannedCall>
      /** Default 10,000. */
      readonly deadlineMillis?: number
      /** The batch follows the client's last one as soon as that is on its way. Only with `store`. Default false. */
      readonly behind?: boolean
      /** How long the client waits between stamping the calls and handing them on: queues do that. Default 0. */
      readonly lateMillis?: number
      /** How far the client's clock is behind: the calls are stamped with an earlier time. Default 0. */
      readonly agoMillis?: number
      /** The client leaves after this long, answered or not. */
      readonly leaveAfterMillis?: number
    }
  | { readonly do: "read"; readonly what: "account" | "product" | "campaign"; readonly id: string }
  | { readonly do: "top" }
  | { readonly do: "ask"; readonly question: Question }
  /** Handles some events as a subscriber, and vanishes before it has acknowledged them where `vanish` is set. */
  | { readonly do: "consume"; readonly limit: number; readonly vanish?: boolean }
  /** Registers a durable name of its own while the others go on. */
  | { readonly do: "register" }
  | { readonly do: "pause"; readonly millis: number }

/**
 * Something that goes wrong between processes that have connections of their own and their server. `at` counts the frames
 * that they send, from 1. Nothing happens where an adapter brings no such processes along.
 */
export type FrameFault =
  /**
   * The connection is cut: before the frame gets there, before its answer comes back, or while the server has it in hand,
   * which goes on with it.
   */
  | { readonly fault: "cut-frame"; readonly at: number; readonly fate: "lost" | "unanswered" | "outlived" }
  /** A stranger's transaction locks a row for so long. */
  | {
      readonly fault: "hold-row"
      readonly at: number
      readonly row: "account" | "product" | "campaign"
      readonly id: string
      readonly millis: number
    }
  /** A commit stops waiting for its standby; `at` counts commits. */
  | { readonly fault: "cancel-wait"; readonly at: number }
  /** The standby takes over. */
  | { readonly fault: "promote"; readonly at: number }

/** Something that goes wrong at the store. `at` counts the trial's transacts, from 1. */
export type Fault =
  | FrameFault
  /** The request is lost: the caller hears `Lost`, nothing happened. */
  | { readonly fault: "lose-request"; readonly at: number }
  /**
   * The connection is cut while the request is under way: the caller hears `Lost`, and the store does it so much later,
   * unless it is told in time to end it. `ends` is whether it can be told. Only with `engine`.
   */
  | { readonly fault: "outlive"; readonly at: number; readonly millis: number; readonly ends: boolean }
  /** The reply is lost: the caller hears `Lost`, it happened. */
  | { readonly fault: "lose-reply"; readonly at: number }
  /** The process of the caller ends before the request leaves, or after the store has done it. The store goes on. */
  | { readonly fault: "crash-before"; readonly at: number }
  | { readonly fault: "crash-after"; readonly at: number }
  /** A call of a subscription's loop to the outbox is lost, or its reply is. `at` counts calls of that name. */
  | {
      readonly fault: "lose-delivery-call"
      readonly call: "lease" | "claim" | "acknowledge" | "park"
      readonly at: number
      readonly done: boolean
    }
  /** A process ends between two steps of its fibers, wherever they are then. `at` counts its operations, from 1. */
  | { readonly fault: "crash-at-step"; readonly engine: number; readonly at: number }
  /** The store takes its time before it begins. */
  | { readonly fault: "slow"; readonly at: number; readonly millis: number }
  /** Somebody else holds the first key of the request for a while. */
  | { readonly fault: "busy"; readonly at: number; readonly millis: number }
  /** The store rejects the statements. In a batch of several commands that is not for good: each alone is taken. */
  | { readonly fault: "reject"; readonly at: number }
  /** The wall clock is corrected. Simulations only. */
  | { readonly fault: "clock-jump"; readonly at: number; readonly millis: number }
  /** An acknowledgement is lost on its way to the store, so events are delivered again. `at` counts acknowledgements. */
  | { readonly fault: "lose-acknowledgement"; readonly at: number }

/** What the processes of a trial do with events, on the core's own delivery. */
export interface DeliveryPlan {
  /** Durable names that every process serves with a handler. */
  readonly names: ReadonlyArray<string>
  /** Whether every process serves the relay to the bus as well. */
  readonly relay: boolean
  readonly leaseMillis: number
  /** How far the clock of each process is ahead of that of the process before it. */
  readonly apartMillis: number
  /** The most events of one claim. */
  readonly limit: number
  /** What is wrong with the `event`th event that a name begins, counted from 1. */
  readonly handlers: ReadonlyArray<{
    readonly name: string
    readonly event: number
    /** How often it fails; more often than it is tried parks it. */
    readonly fails: number
    /** How long each try takes. */
    readonly millis: number
    /** The process ends in the middle of the first try, so that the event comes again. Default false. */
    readonly ends?: boolean
  }>
  /** What happens to the `at`th publication. */
  readonly bus: ReadonlyArray<{
    readonly at: number
    /**
     * `refused`: not taken. `unanswered`: taken, and the relay hears of a fault. `twice`: delivered twice. `shuffled`: keys
     * change places, each in its own order.
     */
    readonly fate: "refused" | "unanswered" | "twice" | "shuffled"
  }>
}

export interface Plan {
  /** Called one after the other before the clients begin. */
  readonly setup: ReadonlyArray<PlannedCall>
  /** Whether a subscription gets the trial's events from its beginning. Default true. */
  readonly listens?: boolean
  /** Called by the first process, one after the other, before the clients begin. Default: nothing. */
  readonly warmUp?: ReadonlyArray<PlannedCall>
  readonly clients: ReadonlyArray<ReadonlyArray<Step>>
  readonly faults: ReadonlyArray<Fault>
  /**
   * `store`: each client's batch is one transact of its own, so that batches meet in the store. `engine`: calls go through
   * engines, as a shop's do.
   */
  readonly way: "store" | "engine"
  /** How many engines (processes) share the store. Client n calls engine n modulo this. Default 1. */
  readonly engines?: number
  /** Only with `engine`. Default: nobody subscribes. */
  readonly delivery?: DeliveryPlan
  /** Whether a charge of an unknown account opens it. Default false. */
  readonly opensOnCharge?: boolean
}

/** How many commands a plan has: what shrinking makes smaller. */
export const sizeOf = ({ setup, clients, faults }: Plan): number =>
  setup.length +
  faults.length +
  clients.reduce(
    (sum, steps) => sum + steps.reduce((count, step) => count + (step.do === "call" ? step.calls.length : 1), 0),
    0,
  )
