/**
 * The turn of a lane. Commands that position themselves on one hot counter keep to one lane, which sends its next batch
 * when the last one is answered. A store may pass the turn sooner: as soon as the next batch can only come after this one,
 * such as behind it on the same connection. It is then decided while this one is made durable. Two batches of a lane are
 * on their way at most.
 *
 * Whether that goes well is the store's to verify: where the first batch comes to nothing, so must what the second one
 * rests on it.
 */
export interface Turn {
  /** Whose turn: from 0 up to but not including `lanes`; below 0 for slices of requests, which come beside the lanes. */
  readonly lane: number
  /** Does nothing the second time, nor after the answer. */
  readonly pass: () => void
}
