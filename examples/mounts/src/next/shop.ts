/**
 * The shop of a Next application: one per process, also where the development server loads this module again.
 */
import { createHoldfast, type Shop } from "@holdfast/core"
import { memory } from "@holdfast/core/memory"

const kept: { holdfastExample?: Shop } = globalThis as { holdfastExample?: Shop }
kept.holdfastExample ??= createHoldfast({ store: memory() })

export const shop: Shop = kept.holdfastExample
