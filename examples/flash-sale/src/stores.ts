/**
 * The stores that the demo can run on, by the name that `--store` takes.
 *
 * The sale itself does not know which one it is: the shop keeps the same promises on all of them.
 */
import type { StoreOption } from "@holdfast/core"
import { memory } from "@holdfast/core/memory"

/** The first one is the default. */
export const storeNames = ["memory"] as const
export type StoreName = (typeof storeNames)[number]

export const isStoreName = (name: string): name is StoreName => storeNames.some((known) => known === name)

const stores: { readonly [Name in StoreName]: () => StoreOption } = { memory }

export const openStore = (name: StoreName): StoreOption => stores[name]()
