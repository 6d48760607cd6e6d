/** Something that is made at its first use, and made anew after it was dropped or could not be made. */
export const once = <A>(make: () => Promise<A>) => {
  let made: Promise<A> | undefined
  return {
    get: (): Promise<A> => {
      made ??= make().catch((error) => {
        made = undefined
        throw error
      })
      return made
    },
    drop: async (end: (value: A) => Promise<unknown> = async () => {}): Promise<void> => {
      const dropped = made
      made = undefined
      if (dropped !== undefined) await dropped.then(end).catch(() => {})
    },
  }
}
