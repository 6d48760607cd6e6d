/**
 * What people do, and how many of them come: the reference service's journeys and the shapes of load that its audit asks for.
 */

/** One request of somebody. */
export interface Step {
  readonly method: "GET" | "POST"
  readonly path: string
  readonly body?: Readonly<Record<string, unknown>>
}

/** A stretch of time at one rate. */
interface Stage {
  /** Requests a second, in parts of the rate that was asked for. */
  readonly rate: number
  /** Seconds, in parts of the time that was asked for. */
  readonly seconds: number
}

export interface Journeys {
  readonly about: string
  /** Request number n. */
  readonly step: (n: number) => Step
  readonly stages: ReadonlyArray<Stage>
}

const accounts = 1_000
const products = 100
const campaignLimit = 500
/** Who claims coupons: more than there are. */
const claimants = 20_000

/** Whose turn it is: neighbours are far apart. */
const user = (n: number): number => 1 + ((n * 7_919) % accounts)
const product = (n: number): number => 1 + ((n * 31) % products)

const readPopular: Step = { method: "GET", path: "/products/popular" }
const readProduct = (id: number): Step => ({ method: "GET", path: `/products/${id}` })
const readPoints = (id: number): Step => ({ method: "GET", path: `/users/${id}/points` })
const charge = (id: number): Step => ({ method: "POST", path: `/users/${id}/points`, body: { amount: 1_000 } })
const order = (id: number, productId: number): Step => ({
  method: "POST",
  path: "/orders",
  body: { userId: id, orderItems: [{ productId, quantity: 1 }] },
})
const claim = (id: number): Step => ({ method: "POST", path: "/coupons/issue", body: { userId: id, couponId: 1 } })

/** The reference service's own script: popular, product, charge, order of one hot product. */
const journey = (n: number): Step => {
  const who = user(Math.floor(n / 4))
  return [readPopular, readProduct(1), charge(who), order(who, 1)][n % 4] ?? readPopular
}

/** Of a hundred requests 75 read products, 10 the popular ones, 5 a balance, 5 charge and 5 order. */
const readHeavy = (n: number): Step => {
  const of = (n * 37) % 100
  if (of < 75) return readProduct(product(n))
  if (of < 85) return readPopular
  if (of < 90) return readPoints(user(n))
  return of < 95 ? charge(user(n)) : order(user(n), product(n))
}

/** Everybody wants one product, and some ask for the coupon first. */
const sale = (n: number): Step => (n % 10 === 0 ? claim(user(n)) : n % 10 < 3 ? readProduct(1) : order(user(n), 1))

const even: ReadonlyArray<Stage> = [{ rate: 1, seconds: 1 }]

export const scenarios: Readonly<Record<string, Journeys>> = {
  steady: { about: "the journey of the reference service at one rate", step: journey, stages: even },
  ramp: {
    about: "the journey, from a fifth of the rate to all of it in five steps",
    step: journey,
    stages: [0.2, 0.4, 0.6, 0.8, 1].map((rate) => ({ rate, seconds: 0.2 })),
  },
  spike: {
    about: "the journey at a tenth of the rate, then all of it at once, then a tenth again",
    step: journey,
    stages: [
      { rate: 0.1, seconds: 0.25 },
      { rate: 1, seconds: 0.5 },
      { rate: 0.1, seconds: 0.25 },
    ],
  },
  soak: {
    about: "the journey at 60 % of the rate; give it an hour",
    step: journey,
    stages: [{ rate: 0.6, seconds: 1 }],
  },
  "read-heavy": {
    about: "90 reads, 5 charges and 5 orders of a hundred, over many products",
    step: readHeavy,
    stages: even,
  },
  sale: { about: "70 % orders of one product, 20 % looks at it, 10 % coupon claims", step: sale, stages: even },
  claims: {
    about: "everybody claims the same coupon, again and again, long after it is sold out",
    step: (n) => claim(1 + (n % claimants)),
    stages: even,
  },
}

/** Orders that can be counted by the stock of product 1. */
export const isOrderOfTheHotProduct = ({ path, body }: Step): boolean =>
  path === "/orders" && JSON.stringify(body?.orderItems) === '[{"productId":1,"quantity":1}]'

/** Accounts, products and campaign that the journeys need, as `npm run serve -- --catalogue` takes it. */
export const catalogue = () => ({
  accounts: Array.from({ length: claimants }, (_, index) => ({
    accountId: index + 1,
    points: index < accounts ? 1_000_000 : 0,
  })),
  products: Array.from({ length: products }, (_, index) => ({
    productId: index + 1,
    name: `Thing ${index + 1}`,
    price: 100,
    onHand: 10_000_000,
  })),
  campaigns: [
    { campaignId: 1, name: "First come", discount: { type: "flat", amount: 10 }, limit: campaignLimit, validDays: 30 },
  ],
})
