/**
 * What many calls take in the same words, with what is to know about it.
 *
 * Inputs are typed by the schemas that decode them. A field that several schemas share loses its comment on the way into the
 * declarations that hosts get, so that an editor would say nothing at `key`; here each has it again.
 */

interface KeyRequired {
  /**
   * Names this act, such as the id of the cart or of the payment: 1–255 bytes. The same key again is the same act and gets the
   * same answer; for something else it is refused.
   */
  readonly key: string
}

interface KeyOptional {
  /** Names this act: 1–255 bytes. The same key again is the same act and gets the same answer. */
  readonly key?: string | undefined
}

interface Scoped {
  /** The namespace of the key. Default: the shop's own `scope`. */
  readonly scope?: string | undefined
}

interface Paged {
  /** The most items of the page: 1 to 1,000. Default 20. */
  readonly limit?: number | undefined
  /** The `nextCursor` of the page before; leave it out for the first. */
  readonly cursor?: string | undefined
}

interface Ordered {
  /** Where the list begins. Default: newest first. */
  readonly order?: "newest-first" | "oldest-first" | undefined
}

type SharedBy<Input> = (Input extends { readonly key: string }
  ? KeyRequired
  : "key" extends keyof Input
    ? KeyOptional
    : unknown) &
  ("scope" extends keyof Input ? Scoped : unknown) &
  ("cursor" extends keyof Input ? Paged : unknown) &
  ("order" extends keyof Input ? Ordered : unknown)

// The empty part makes editors show the fields and not how they were put together.
type Shown<Fields> = { [Name in keyof Fields]: Fields[Name] } & {}

/** An input as callers see it: the same fields and types, each of them with its comment. */
export type Documented<Input> = Input extends object
  ? Shown<Omit<Input, keyof SharedBy<Input>> & SharedBy<Input>>
  : Input
