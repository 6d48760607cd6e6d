// What keeps a package from being published, in sentences.

export interface Manifest {
  readonly name?: string
  readonly version?: string
  readonly repository?: unknown
  readonly homepage?: unknown
  readonly scripts?: Readonly<Record<string, string>>
}

export const notReleasable = (folder: string, manifest: Manifest): ReadonlyArray<string> => {
  const { name, version, repository, homepage, scripts } = manifest
  const found: Array<string> = []
  if (!isAddress(repository)) found.push("no repository: name the address of the sources, in which this folder stands")
  if (!isAddress(homepage)) found.push("no homepage: name the address of the documentation")
  if (version === undefined || version === "0.0.0") found.push("no version: run npm run version-packages first")
  if (scripts?.prepack === undefined) found.push("no prepack: what is packed must be built from what is committed")
  return found.map((what) => `${name ?? folder} cannot be published: it has ${what}.`)
}

/** npm takes an address as text or as `{ type, url, directory }`. */
const isAddress = (given: unknown): boolean => {
  const address = typeof given === "object" && given !== null && "url" in given ? given.url : given
  return typeof address === "string" && /^(?:git\+)?https:\/\/[^/]+\.[^/]+\/.+/.test(address)
}
