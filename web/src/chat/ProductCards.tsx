import type { Found, ShownProduct } from "./products";
import { priceText } from "./products";

export function ProductCards({ found }: { found: Found }) {
  if (found.products.length === 0) return null;
  return (
    <section class="products" aria-label="Products">
      <p class="products-count">
        {found.products.length} of {found.total} offers
      </p>
      <ol>
        {found.products.map((product) => (
          <li key={product.id}>
            <Card product={product} />
          </li>
        ))}
      </ol>
    </section>
  );
}

function Card({ product }: { product: ShownProduct }) {
  return (
    <article class="product">
      <h3>
        {product.url ? (
          <a href={product.url} target="_blank" rel="noreferrer">
            {product.title}
          </a>
        ) : (
          product.title
        )}
      </h3>
      <p class="product-price">
        {priceText(product.price, product.currency)} <span>at {product.marketplace}</span>
      </p>
      {product.rating > 0 && <p class="product-rating">{product.rating.toFixed(1)} of 5</p>}
      <p class="product-reasons">{product.reasons.join(" · ")}</p>
      {product.alsoAt.map((other) => (
        <p key={other.marketplace} class="product-elsewhere">
          {priceText(other.price, product.currency)} at {other.marketplace}
        </p>
      ))}
    </article>
  );
}
