import { describe, expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';

describe('metrics', () => {
  it('count requests by method, route and status', async () => {
    const metrics = createMetrics();
    metrics.request({ method: 'POST', route: '/token', status: 200, seconds: 0.004 });
    metrics.request({ method: 'POST', route: '/token', status: 200, seconds: 0.2 });
    metrics.request({ method: 'PROPFIND', route: 'none', status: 404, seconds: 0.001 });
    const text = await metrics.text();
    expect(text).toContain('http_server_request_duration_seconds_count{method="POST",route="/token",status="200"} 2');
    expect(text).toContain('http_server_request_duration_seconds_count{method="other",route="none",status="404"} 1');
  });

  it('count attempts to sign in and tokens', async () => {
    const metrics = createMetrics();
    metrics.authentication({ method: 'password', result: 'success', seconds: 0.03 });
    metrics.authentication({ method: 'password', result: 'failure' });
    metrics.tokensIssued({ grantType: 'client_credentials', tokenType: 'jwt' });
    const text = await metrics.text();
    expect(text).toContain('postern_authn_total{method="password",result="failure"} 1');
    expect(text).toContain('postern_authn_duration_seconds_count{method="password"} 1');
    expect(text).toContain('postern_tokens_issued_total{grant_type="client_credentials",token_type="jwt"} 1');
  });

  it('ask for the age of keys when they are read, and forget states that are gone', async () => {
    const metrics = createMetrics();
    let ages: Record<string, number> = { current: 60, next: 5 };
    metrics.observeKeyAges(() => ages);
    expect(await metrics.text()).toContain('postern_key_age_seconds{state="next"} 5');
    ages = { current: 61 };
    const text = await metrics.text();
    expect(text).toContain('postern_key_age_seconds{state="current"} 61');
    expect(text).not.toContain('state="next"');
  });

  it('ask for what the database did when they are read', async () => {
    const metrics = createMetrics();
    let activity = { statements: 7, units: 3, commits: 2 };
    metrics.observeDatabase(() => activity);
    expect(await metrics.text()).toContain('postern_db_statements_total 7');
    activity = { statements: 9, units: 4, commits: 3 };
    const text = await metrics.text();
    expect(text).toContain('postern_db_statements_total 9');
    expect(text).toContain('postern_db_units_total 4');
    expect(text).toContain('postern_db_commits_total 3');
  });

  it('bring those of the process, and stay apart from those of another server in it', async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.tokensIssued({ grantType: 'refresh_token', tokenType: 'opaque' });
    expect(await one.text()).toContain('process_resident_memory_bytes');
    expect(await one.text()).toContain('nodejs_eventloop_lag_seconds');
    expect(await other.text()).not.toContain('refresh_token');
    expect(one.contentType).toContain('text/plain');
  });
});
