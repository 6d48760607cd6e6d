/**
 * What a translation is: between the words of the wire, which are the reference service's, and the core's.
 *
 * One for every endpoint, in this folder and nowhere else: handlers speak the core's language only.
 */
import type { Page } from "@holdfast/core"
import type { HttpApi, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import type { Contract } from "../contract/contract.ts"
import type { Resource } from "../exchange/identity.ts"

/** The core's names of fields, and the request's. */
export type Names = Readonly<Record<string, string>>

export interface Words<Request, Input, Answer, Body> {
  /** A decoded request in the core's words. */
  readonly input: (request: Request) => Input
  /** An answer of the core as it is sent: moments are text already. */
  readonly body: (answer: Answer) => Body
  /** What the wire says beside the body. */
  readonly headers?: (answer: Answer) => Readonly<Record<string, string>>
  /** For what the core finds wrong with its input. */
  readonly names?: Names
}

type GroupsOf<Api> = Api extends HttpApi.HttpApi<infer _, infer Groups> ? Groups : never

type RequestOf<Endpoint> = Pick<
  HttpApiEndpoint.Request<Endpoint>,
  Extract<keyof HttpApiEndpoint.Request<Endpoint>, "params" | "query" | "payload">
>

/** One translation for every endpoint of the contract, each with its own input and answer: a missing one does not compile. */
export type Translations = {
  readonly [Group in GroupsOf<typeof Contract> as HttpApiGroup.Identifier<Group>]: {
    readonly [Endpoint in HttpApiGroup.Endpoints<Group> as HttpApiEndpoint.Identifier<Endpoint>]: Words<
      RequestOf<Endpoint>,
      object,
      never,
      HttpApiEndpoint.Success<Endpoint>["Encoded"]
    >
  }
}

/** What a call is about, in the core's words. Only the ids that it has. */
export interface About {
  readonly accountId?: string
  readonly orderId?: string
  readonly productId?: string
  readonly campaignId?: string
}

/** The same as the host's rule is asked about it. */
export const resourceOf = ({ accountId, orderId, productId, campaignId }: About): Resource => ({
  ...(accountId !== undefined && { userId: accountId }),
  ...(orderId !== undefined && { orderId }),
  ...(productId !== undefined && { productId }),
  ...(campaignId !== undefined && { campaignId }),
})

/** Pages of lists as JSON: a last page says so with null, which a missing field could not. */
export const pageBody = <Item, Body>({ items, nextCursor }: Page<Item>, bodyOf: (item: Item) => Body) => ({
  items: items.map(bodyOf),
  nextCursor: nextCursor ?? null,
})
