/** What an agent has found, as it comes over the chat's socket or a call's data channel. */

export interface ShownProduct {
  readonly id: string;
  readonly title: string;
  readonly brand: string;
  readonly price: number;
  readonly currency: string;
  readonly marketplace: string;
  readonly rating: number;
  readonly url: string;
  readonly reasons: readonly string[];
  readonly alsoAt: readonly { readonly marketplace: string; readonly price: number }[];
}

export interface Found {
  readonly products: readonly ShownProduct[];
  readonly total: number;
}

/** The products of a message; what is no product is left out. */
export function productsOf(value: unknown): ShownProduct[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((each) => {
    if (typeof each !== "object" || each === null) return [];
    const item = each as Record<string, unknown>;
    if (typeof item.title !== "string" || typeof item.price !== "number") return [];
    return [
      {
        id: text(item.id) || item.title,
        title: item.title,
        brand: text(item.brand),
        price: item.price,
        currency: text(item.currency) || "USD",
        marketplace: text(item.marketplace),
        rating: typeof item.rating === "number" ? item.rating : 0,
        url: webAddress(item.url),
        reasons: Array.isArray(item.reasons) ? item.reasons.filter(isText) : [],
        alsoAt: Array.isArray(item.also_at) ? item.also_at.flatMap(elsewhere) : [],
      },
    ];
  });
}

export function priceText(amount: number, currency: string): string {
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency }).format(amount);
  } catch {
    return `${amount.toFixed(2)} ${currency}`; // no currency that the browser knows
  }
}

function elsewhere(value: unknown): { marketplace: string; price: number }[] {
  const item = (value ?? {}) as Record<string, unknown>;
  return typeof item.marketplace === "string" && typeof item.price === "number"
    ? [{ marketplace: item.marketplace, price: item.price }]
    : [];
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The address where it is one of the web: nothing else may be made a link. */
function webAddress(value: unknown): string {
  return typeof value === "string" && /^https?:\/\//.test(value) ? value : "";
}
